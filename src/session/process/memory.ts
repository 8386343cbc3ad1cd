import { fstatSync } from 'node:fs';

/*
 * Memory that two processes share, through koffi: a memfd of Linux, which has no name in any file system. So nothing can
 * be left behind, however the processes end, and the size of /dev/shm, 64 MiB in a container by default, is no limit.
 */

type Koffi = typeof import('koffi');
type Libc = ReturnType<typeof openLibc>;

// sys/mman.h
const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** A page: nothing at all can't be mapped. */
const LEAST_BYTES = 4096;

function openLibc(koffi: Koffi) {
  const libc = koffi.load(null);
  const map: (...values: unknown[]) => bigint = libc.func(
    'void *mmap(void *address, size_t length, int protection, int flags, int descriptor, int64_t offset)',
  );
  return {
    memfdCreate: libc.func('int memfd_create(const char *name, unsigned int flags)'),
    ftruncate: libc.func('int ftruncate(int descriptor, int64_t length)'),
    close: libc.func('int close(int descriptor)'),
    munmap: libc.func('int munmap(void *address, size_t length)'),
    mmap: map,
    view: koffi.view,
  };
}

/** A memfd's descriptor and, once that was asked for, all of it as an ArrayBuffer. Whoever opens it closes it. */
abstract class MappedMemory {
  readonly descriptor: number;
  protected readonly libc: Libc;
  #mapped: { readonly address: bigint; readonly area: ArrayBuffer } | undefined;

  constructor(libc: Libc, descriptor: number) {
    this.libc = libc;
    this.descriptor = descriptor;
  }

  /**
   * The memory, of `bytes` or more; the same buffer as long as it is large enough. The buffer before it must not be
   * touched any more: there is nothing behind it.
   */
  area(bytes: number): ArrayBuffer {
    if (this.#mapped !== undefined && this.#mapped.area.byteLength >= bytes) return this.#mapped.area;
    this.#unmap();
    const size = this.sized(bytes);
    const address = this.libc.mmap(null, size, PROT_READ_WRITE, MAP_SHARED, this.descriptor, 0);
    if (address === MAP_FAILED) throw new Error(`${size} bytes of shared memory can't be mapped`);
    const area = this.libc.view(address, size);
    this.#mapped = { address, area };
    return area;
  }

  close(): void {
    this.#unmap();
    this.libc.close(this.descriptor);
  }

  /** How large the memory is, now that so many bytes are needed. */
  protected abstract sized(bytes: number): number;

  #unmap(): void {
    if (this.#mapped === undefined) return;
    this.libc.munmap(this.#mapped.address, this.#mapped.area.byteLength);
    this.#mapped = undefined;
  }
}

/** The side that makes the memory, and makes it larger. */
export class SharedMemory extends MappedMemory {
  /** Undefined where there is none to be had: another system, no koffi, or a sandbox that forbids it. */
  static async create(): Promise<SharedMemory | undefined> {
    if (process.platform !== 'linux') return undefined;
    let memory: SharedMemory | undefined;
    try {
      const libc = openLibc(await import('koffi'));
      const descriptor: number = libc.memfdCreate('penstock', MFD_CLOEXEC);
      if (descriptor < 0) return undefined;
      memory = new SharedMemory(libc, descriptor);
      memory.area(LEAST_BYTES);
      return memory;
    } catch {
      memory?.close();
      return undefined;
    }
  }

  protected override sized(bytes: number): number {
    if (this.libc.ftruncate(this.descriptor, bytes) === 0) return bytes;
    throw new Error(`shared memory can't be made ${bytes} bytes large`);
  }
}

/** The side that was handed the descriptor. */
export class InheritedMemory extends MappedMemory {
  static async open(descriptor: number): Promise<InheritedMemory> {
    return new InheritedMemory(openLibc(await import('koffi')), descriptor);
  }

  /** The other side has made it large enough before it asked. */
  protected override sized(): number {
    return fstatSync(this.descriptor).size;
  }
}
