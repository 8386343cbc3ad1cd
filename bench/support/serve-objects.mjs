import { parentPort, workerData } from 'node:worker_threads';
import { ObjectServer } from '../../test/helpers/object-server.mjs';

// A thread that serves one file under many names; tells its URL.
const { bytes, objects, latencyMs } = workerData;
const server = new ObjectServer({ latencyMs });
for (let i = 0; i < objects; i++) server.put(`/data/${String(i).padStart(5, '0')}.arrow`, bytes);
parentPort.postMessage(await server.listen());
