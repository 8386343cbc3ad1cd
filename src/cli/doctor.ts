import { diagnose } from '../job/doctor/doctor.js';
import { doctorText } from './doctor-text.js';
import { fail } from './fail.js';
import type { Terminal } from './terminal.js';
import { truncate } from './text.js';

export interface DoctorFlags {
  readonly json: boolean;
}

/** `penstock doctor` */
export async function doctor({ json }: DoctorFlags, terminal: Terminal): Promise<number> {
  try {
    if (terminal.isLive)
      terminal.draw(truncate('asking drivers, trying providers and packages …', terminal.columns));
    const diagnosis = await diagnose();
    if (json) terminal.document(diagnosis);
    else terminal.print(doctorText(diagnosis, terminal.style));
    return diagnosis.ok ? 0 : 1;
  } catch (error) {
    return fail(error, terminal, { json, job: undefined });
  }
}
