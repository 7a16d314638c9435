import { secret, type Detector } from './detector';

/** Tokens of platforms that build, run, store and reckon for others. */
export const PLATFORM_TOKENS: readonly Detector[] = [
  secret(
    'model-key',
    'critical',
    ['sk-', 'xai-', 'gsk_', 'pplx-', 'r8_', 'lsv2_'],
    /(?<![\w-])(?:sk-or-v1-[a-f0-9]{64}|sk-(?=[A-Za-z]{0,63}\d)[A-Za-z0-9]{32,64}|xai-[A-Za-z0-9]{64,100}|gsk_[A-Za-z0-9]{40,60}|pplx-[A-Za-z0-9]{40,64}|r8_[A-Za-z0-9]{37}|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10})(?![\w-])/dg,
  ),
  secret(
    'supabase-key',
    'critical',
    ['sbp_', 'sb_secret_'],
    /(?<!\w)(?:sbp_[a-f0-9]{40}|sb_secret_[\w-]{20,64})(?![\w-])/dg,
  ),
  secret(
    'planetscale-token',
    'critical',
    ['pscale_'],
    /(?<!\w)pscale_(?:pw|tkn|oauth)_[\w.=-]{32,64}/dg,
  ),
  secret(
    'fly-token',
    'critical',
    ['fm1_', 'fm2_', 'fo1_'],
    /(?<!\w)(?:fm[12]|fo1)_[\w+/=-]{40,}/dg,
  ),
  secret('netlify-token', 'critical', ['nfp_'], /(?<!\w)nfp_[A-Za-z0-9]{36,64}(?!\w)/dg),
  secret(
    'tailscale-key',
    'critical',
    ['tskey-'],
    /(?<![\w-])tskey-(?:auth|api|client|scim|webhook)-[\w-]{16,96}/dg,
  ),
  secret('buildkite-token', 'critical', ['bkua_'], /(?<!\w)bkua_[a-f0-9]{40}(?!\w)/dg),
  secret(
    'circleci-token',
    'critical',
    ['ccipat_', 'cciprj_'],
    /(?<!\w)CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}(?!\w)/dg,
  ),
  secret('sonar-token', 'high', ['squ_', 'sqp_', 'sqa_'], /(?<!\w)sq[upa]_[a-f0-9]{40}(?!\w)/dg),
  secret('contentful-token', 'high', ['cfpat-'], /(?<![\w-])CFPAT-[\w-]{43}(?![\w-])/dg),
  secret('prefect-key', 'high', ['pnu_', 'pnb_'], /(?<!\w)pn[ub]_[A-Za-z0-9]{36}(?!\w)/dg),
  secret('easypost-key', 'high', ['ezak', 'eztk'], /(?<!\w)EZ[AT]K[A-Za-z0-9]{54}(?!\w)/dg),
  secret('airtable-token', 'high', ['pat'], /(?<!\w)pat[A-Za-z0-9]{14}\.[a-f0-9]{64}(?!\w)/dg, {
    least: 82,
  }),
  secret('shippo-token', 'high', ['shippo_'], /(?<!\w)shippo_(?:live|test)_[a-f0-9]{40}(?!\w)/dg),
  secret('mapbox-token', 'high', ['sk.eyj'], /(?<![\w.-])sk\.eyJ[\w-]{20,}\.[\w-]{22,}/dg),
  secret('one-password-token', 'critical', ['ops_eyj'], /(?<!\w)ops_eyJ[\w+/=-]{100,}/dg),
  secret(
    'azure-platform-key',
    'critical',
    ['jqqj9'],
    /(?<![A-Za-z0-9])[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{27,32}(?:==)?(?![A-Za-z0-9])/dg,
  ),
];
