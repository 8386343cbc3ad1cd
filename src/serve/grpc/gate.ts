import {
  Metadata,
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import type { Token } from '../token.js';

/** Calls that need no token. */
const PUBLIC: ReadonlySet<string> = new Set([
  '/inference.GRPCInferenceService/ServerLive',
  '/inference.GRPCInferenceService/ServerReady',
  '/grpc.health.v1.Health/Check',
]);

/** Lets in who has the token, before anything of the message is read, and gives up on messages that do not come. */
export function gate(token: Token | undefined, requestMs: number): ServerInterceptor {
  return ({ path }, call) => {
    let timer: NodeJS.Timeout | undefined;
    const refuse = (code: status, details: string): void =>
      call.sendStatus({ code, details, metadata: new Metadata() });
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        const [authorization] = metadata.get('authorization');
        if (token !== undefined && !PUBLIC.has(path) && !token.admits(authorization?.toString())) {
          refuse(status.UNAUTHENTICATED, 'the call needs a token: send the metadata authorization: Bearer …');
          return;
        }
        timer = setTimeout(
          () => refuse(status.DEADLINE_EXCEEDED, 'the message took too long to arrive'),
          requestMs,
        );
        timer.unref();
        next(metadata);
      })
      .withOnReceiveMessage((message, next) => {
        clearTimeout(timer);
        next(message);
      })
      .withOnCancel(() => clearTimeout(timer))
      .build();
    const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
    return new ServerInterceptingCall(call, responder);
  };
}
