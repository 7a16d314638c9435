import type { Client } from 'minio';
import type { Stores } from '../../src/platform/connections';

/** A request of the client, as far as tests look at it. */
export interface ObjectRequest {
  readonly method: string;
  readonly objectName?: string;
  readonly query?: string;
}

/** Stores whose archiver tells of each request before it is sent, and waits for whoever is told. */
export function interceptingArchiver(
  stores: Stores,
  tell: (request: ObjectRequest) => Promise<void> | void,
): Stores {
  const archiver: Client = new Proxy(stores.objects('archiver'), {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value as (...args: unknown[]) => unknown;
      if (name !== 'makeRequestAsync') return method.bind(target);
      return async (...args: unknown[]) => {
        await tell(args[0] as ObjectRequest);
        return method.apply(target, args);
      };
    },
  });
  return {
    ...stores,
    objects: (role) => (role === 'archiver' ? archiver : stores.objects(role)),
  };
}
