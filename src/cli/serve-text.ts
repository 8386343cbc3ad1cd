import type { Server } from '../serve/server.js';
import type { Endpoint, EndpointTensor } from '../serve/types.js';
import { datatypeOf } from '../serve/wire/datatype.js';
import { label, labelled, type ReportStyle } from './labels.js';

/** Elements that are written out in an example. */
const MOST_SHOWN = 8;

/** What a server serves, where, on what, and how to call it. */
export function serveText(server: Server, name: string, hasToken: boolean, style: ReportStyle): string {
  const { url, grpcUrl, engine } = server;
  const { bold } = style.colors;
  const devices = engine.stats().devices.map(({ id, runtime, provider, simulated }) => {
    const by = id.startsWith(provider) ? runtime : `${runtime}, ${provider}`;
    return `${id} (${simulated ? 'simulated' : by})`;
  });
  const guard = hasToken ? 'clients send the token of PENSTOCK_TOKEN' : 'no token is asked for';
  const [first] = engine.endpoints;
  return [
    `${bold(name)} is served`,
    ...labelled('http', url, style),
    ...(grpcUrl === undefined ? [] : labelled('grpc', grpcUrl, style)),
    ...labelled('live', `${url}/, and ${url}/metrics for Prometheus`, style),
    ...labelled('access', guard, style),
    ...labelled('devices', devices.join(', '), style),
    ...engine.endpoints.flatMap((endpoint) => labelled(endpoint.name, signature(endpoint), style)),
    // In one piece, however long: it is to be copied.
    ...(first === undefined ? [] : [`${label('try', style)}${curl(url, first, hasToken)}`]),
  ].join('\n');
}

function signature({ inputs, outputs }: Endpoint): string {
  const list = (tensors: readonly EndpointTensor[]): string =>
    tensors.map((tensor) => `${tensor.name} ${datatypeOf(tensor)} [${tensor.shape.join(', ')}]`).join(', ');
  return `${list(inputs)} → ${list(outputs)}`;
}

/** A call of one row of zeros; of larger ones only what they are like. */
function curl(url: string, { name, inputs }: Endpoint, hasToken: boolean): string {
  const document = inputs.map((tensor) => {
    const shape = tensor.shape.map((dim) => (dim === -1 ? 1 : dim));
    const count = shape.reduce((product, dim) => product * dim, 1);
    const element = tensor.isText ? '"text"' : tensor.dtype === 'bool' ? 'false' : '0';
    const data = count > MOST_SHOWN ? `${element}, …` : Array(count).fill(element).join(', ');
    const head = { name: tensor.name, datatype: datatypeOf(tensor), shape };
    return `${JSON.stringify(head).slice(0, -1)},"data":[${data}]}`;
  });
  const header = hasToken ? '-H "Authorization: Bearer $PENSTOCK_TOKEN" ' : '';
  return `curl ${header}${url}/v2/models/${name}/infer -d '{"inputs":[${document.join(',')}]}'`;
}

/** The same for programs. */
export function serveDocument({ url, grpcUrl, engine }: Server, name: string): object {
  return {
    name,
    url,
    grpcUrl: grpcUrl ?? null,
    pid: process.pid,
    devices: engine.stats().devices.map(({ id, runtime, provider, simulated, instances }) => ({
      id,
      runtime,
      provider,
      simulated,
      instances,
    })),
    endpoints: engine.endpoints.map(({ name, platform, inputs, outputs, maxRows }) => ({
      name,
      platform,
      inputs: inputs.map(told),
      outputs: outputs.map(told),
      maxRows,
    })),
  };
}

const told = (tensor: EndpointTensor): object => ({
  name: tensor.name,
  datatype: datatypeOf(tensor),
  shape: tensor.shape,
});
