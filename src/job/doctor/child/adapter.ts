import { isSoftwareAdapter } from '../../../session/webgpu-adapter.js';

export interface AdapterAnswer {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly software: boolean;
}

/** The adapter that Dawn takes by default, asked through the package `webgpu`; null where it finds none. */
export async function tryAdapter(): Promise<AdapterAnswer | null> {
  const { create } = await import('webgpu');
  const adapter = await create([]).requestAdapter();
  if (adapter === null) return null;
  const { vendor, architecture, device, description } = adapter.info;
  return { vendor, architecture, device, description, software: isSoftwareAdapter(adapter.info) };
}
