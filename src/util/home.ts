import { homedir } from 'node:os';
import { UsageError } from './errors.js';

/**
 * The user's home.
 *
 * @throws UsageError where there is none: HOME is not set, and the system knows nothing of this user, as in some containers
 */
export function homeFolder(instead = 'HOME'): string {
  try {
    return homedir();
  } catch (cause) {
    throw new UsageError('this user has no home folder, and HOME is not set', {
      hint: `Set ${instead}.`,
      cause,
    });
  }
}
