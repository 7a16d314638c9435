/** Version of the retention policy that new obligations are pinned to. */
export const POLICY_VERSION_IN_FORCE = '1';
