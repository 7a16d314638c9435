import { createNoticeActivities } from '../activities/notices';
import type { DestinationPolicy } from '../activities/notices/destination';
import { createMailSender } from '../activities/notices/mail';
import { createWebhookSender } from '../activities/notices/webhook';
import { lookupByName } from '../activities/registry/transport';
import type { NoticeActivities, NoticeSecrets } from '../contracts/notices';
import type { EngineOptions } from './stores-of-roles';

/** What telling receivers needs beside the stores. */
export interface NoticeOptions {
  readonly policy: DestinationPolicy;
  readonly secrets: NoticeSecrets;
}

/** Wires notices to the notifier's login. */
export function composeNotices(
  { stores, pulse }: Pick<EngineOptions, 'stores' | 'pulse'>,
  { policy, secrets }: NoticeOptions,
): NoticeActivities {
  const { environment } = stores;
  return createNoticeActivities({
    control: stores.sql('notifier', 'control'),
    senders: {
      webhook: createWebhookSender({
        environment,
        secrets,
        policy,
        lookup: lookupByName,
        clock: () => Date.now(),
      }),
      mail: createMailSender({ environment, secrets }),
    },
    pulse,
  });
}
