/** A login at a registry. It is kept by the operator's secret store, never by the engine. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** Finds the login that a tenant uses at a registry; another tenant's is never found. */
export interface RegistryCredentials {
  /** `registry` is `host:port`. Null: the registry is read without a login. */
  find(of: { readonly tenantId: string; readonly registry: string }): Promise<RegistryLogin | null>;
}
