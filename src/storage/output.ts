import { LocalOutput } from './local-output.js';
import type { OutputLocation, OutputStore } from './output-types.js';
import { RemoteOutput } from './remote-output.js';
import { isRemote } from './uri.js';

/**
 * Opens a directory, or a prefix in remote storage, to write to.
 *
 * @throws UsageError for a URL or an option that can't be
 */
export async function openOutput({ uri, options }: OutputLocation): Promise<OutputStore> {
  return isRemote(uri) ? RemoteOutput.connect(uri, options) : new LocalOutput(uri);
}
