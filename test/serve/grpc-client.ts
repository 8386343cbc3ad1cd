import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { onTestFinished } from 'vitest';
import { PROTOCOL } from '../../src/serve/grpc/protocol.js';

type Method = (
  message: object,
  metadata: Metadata,
  options: { readonly deadline?: Date },
  done: (error: ServiceError | null, answer?: unknown) => void,
) => { cancel(): void };

const definition = loadPackageDefinition(fromJSON(PROTOCOL as never, { keepCase: true, longs: Number }));

export interface CallOptions {
  readonly token?: string;
  readonly deadline?: Date;
  /** Is told how to cancel. */
  readonly onCall?: (call: { cancel(): void }) => void;
}

/** An answer to an inference request. */
export interface GrpcAnswer {
  readonly model_name: string;
  readonly id?: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
  }[];
  readonly raw_output_contents: readonly Buffer[];
}

/** A client of a server's gRPC port. Returns a function that calls a method by its name. */
export function grpcClient(address: string | undefined, service = 'inference.GRPCInferenceService') {
  let at: object = definition;
  for (const name of service.split('.')) at = Reflect.get(at, name);
  const Service = at as new (address: string, credentials: unknown) => Client;
  const client = new Service(address ?? '', credentials.createInsecure());
  onTestFinished(() => client.close());
  return <T>(
    method: string,
    message: object = {},
    { token, deadline, onCall }: CallOptions = {},
  ): Promise<T> => {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    return new Promise<T>((resolve, reject) => {
      const call = (Reflect.get(client, method) as Method).call(
        client,
        message,
        metadata,
        deadline === undefined ? {} : { deadline },
        (error, answer) => (error ? reject(error) : resolve(answer as T)),
      );
      onCall?.(call);
    });
  };
}

/** What a call fails with. */
export function failure(call: Promise<unknown>): Promise<ServiceError> {
  return call.then(
    () => {
      throw new Error('the call did not fail');
    },
    (error: ServiceError) => error,
  );
}
