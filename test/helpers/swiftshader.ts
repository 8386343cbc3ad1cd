/**
 * The software Vulkan driver that tests of WebGPU run on, where there is one (scripts/services.mjs): its description is
 * put where Vulkan's loader looks for it, in this process and its threads. Call it before anything of WebGPU is loaded.
 *
 *     const swiftshader = useSwiftshader();
 *     test('…', (context) => { context.skip(!swiftshader, NO_SWIFTSHADER); … });
 */
export function useSwiftshader(): boolean {
  const description = process.env.PENSTOCK_TEST_SWIFTSHADER;
  if (!description) return false;
  process.env.VK_ICD_FILENAMES = description;
  return true;
}

export const NO_SWIFTSHADER = 'no swiftshader (PENSTOCK_TEST_SWIFTSHADER)';
