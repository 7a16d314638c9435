import type { ContainerBasics } from '../../contracts/schemas/host-report';

/** A container as its runtime's files describe it; texts are made fit later. */
export interface FoundContainer {
  readonly containerId: string;
  readonly runtime: ContainerBasics['runtime'];
  readonly name?: string | undefined;
  readonly state?: ContainerBasics['state'] | undefined;
  readonly image?: string | undefined;
  readonly imageId?: string | undefined;
  readonly createdAt?: string | undefined;
  readonly startedAt?: string | undefined;
  readonly privileged?: boolean | undefined;
  readonly hostNetwork?: boolean | undefined;
  readonly sandbox?: boolean;
  readonly podName?: string | undefined;
  readonly podNamespace?: string | undefined;
  /** `NAME=value` as configured; only the names go on from here. */
  readonly environment?: readonly string[];
}
