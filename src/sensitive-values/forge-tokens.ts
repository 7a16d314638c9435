import { secret, type Detector } from './detector';

/** Tokens of places where code and packages are kept. */
export const FORGE_TOKENS: readonly Detector[] = [
  secret(
    'github-token',
    'critical',
    ['ghp_', 'gho_', 'ghs_', 'ghu_', 'ghr_', 'github_pat_'],
    /(?<!\w)(?:gh[opsur]_[A-Za-z0-9]{36,251}|github_pat_\w{82})(?!\w)/dg,
  ),
  secret(
    'gitlab-token',
    'critical',
    ['glpat-', 'gldt-', 'glrt-', 'glcbt-', 'glptt-', 'glft-', 'glsoat-', 'gloas-', 'glagent-'],
    /(?<![\w-])gl(?:pat|dt|rt|cbt|ptt|ft|soat|oas|agent)-[\w.-]{20,64}(?![\w.-])/dg,
  ),
  secret(
    'bitbucket-token',
    'critical',
    ['atbb', 'atctt3'],
    /(?<!\w)(?:ATBB[A-Za-z0-9]{32}|ATCTT3[A-Za-z0-9_=-]{60,})(?!\w)/dg,
  ),
  secret('npm-token', 'critical', ['npm_'], /(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)/dg),
  secret(
    'pypi-token',
    'critical',
    ['pypi-ageichlwas5vcmc'],
    /(?<![\w-])pypi-AgEIcHlwaS5vcmc[\w-]{50,}/dg,
  ),
  secret('rubygems-token', 'critical', ['rubygems_'], /(?<!\w)rubygems_[a-f0-9]{48}(?!\w)/dg),
  secret(
    'docker-hub-token',
    'critical',
    ['dckr_'],
    /(?<!\w)dckr_(?:pat|oat)_[\w-]{27,36}(?![\w-])/dg,
  ),
  secret(
    'crates-token',
    'critical',
    ['cio'],
    /(?<![A-Za-z0-9])cio[A-Za-z0-9]{32}(?![A-Za-z0-9])/dg,
  ),
  secret('nuget-key', 'critical', ['oy2'], /(?<![a-z0-9])oy2[a-z0-9]{43}(?![a-z0-9])/dg),
  secret('hugging-face-token', 'critical', ['hf_'], /(?<!\w)hf_[A-Za-z0-9]{34,40}(?!\w)/dg),
  secret(
    'artifactory-key',
    'critical',
    ['akcp', 'cmvmdgtu'],
    /(?<!\w)(?:AKCp[A-Za-z0-9]{69}|cmVmdGtu[A-Za-z0-9]{56})(?!\w)/dg,
  ),
];
