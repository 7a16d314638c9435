import type { Entry } from '../files/directory';

type Language = 'javascript' | 'python' | 'php' | 'ruby' | 'dotnet';

/** Frameworks by the names under which their packages are distributed. */
export const FRAMEWORKS = Object.freeze({
  javascript: new Set(
    (
      'express koa fastify next nuxt @nestjs/core @hapi/hapi sails meteor egg midway react vue ' +
      '@angular/core svelte @sveltejs/kit @remix-run/server-runtime astro restify @adonisjs/core ' +
      'thinkjs hono gatsby ember-source'
    ).split(' '),
  ),
  python: new Set(
    (
      'django flask fastapi tornado bottle sanic pyramid aiohttp starlette falcon cherrypy web.py ' +
      'streamlit litestar quart djangorestframework twisted'
    ).split(' '),
  ),
  php: new Set(
    (
      'laravel/framework symfony/http-kernel yiisoft/yii2 cakephp/cakephp codeigniter4/framework ' +
      'slim/slim topthink/framework laminas/laminas-mvc hyperf/framework phalcon/devtools'
    ).split(' '),
  ),
  ruby: new Set('rails sinatra hanami grape padrino roda'.split(' ')),
  dotnet: new Set(['Microsoft.AspNetCore.App']),
} satisfies Record<Language, ReadonlySet<string>>);

/** An application that is recognised by one of its files. */
export interface ApplicationRule {
  readonly name: string;
  /** End of the path of the file. */
  readonly tail: string;
  /** What stands in the file around the version; absent when the file does not tell. */
  readonly version?: RegExp;
}

/** Applications by their files. */
const APPLICATIONS: readonly ApplicationRule[] = Object.freeze([
  {
    name: 'wordpress',
    tail: '/wp-includes/version.php',
    version: /\$wp_version\s*=\s*'([^']{1,64})'/,
  },
  {
    name: 'drupal',
    tail: '/core/lib/Drupal.php',
    version: /const VERSION\s*=\s*'([^']{1,64})'/,
  },
  {
    name: 'joomla',
    tail: '/administrator/manifests/files/joomla.xml',
    version: /<version>([^<]{1,64})<\/version>/,
  },
  {
    name: 'mediawiki',
    tail: '/includes/Defines.php',
    version: /'MW_VERSION',\s*'([^']{1,64})'/,
  },
  {
    name: 'phpmyadmin',
    tail: '/libraries/classes/Version.php',
    version: /VERSION\s*=\s*'([^']{1,64})'/,
  },
  { name: 'nextcloud', tail: '/lib/versioncheck.php' },
  {
    name: 'discuz',
    tail: '/source/discuz_version.php',
    version: /'DISCUZ_VERSION',\s*'([^']{1,64})'/,
  },
  { name: 'dedecms', tail: '/dede/index.php' },
  { name: 'typo3', tail: '/typo3/sysext/core/composer.json' },
  { name: 'magento', tail: '/app/etc/di.xml' },
  { name: 'moodle', tail: '/lib/moodlelib.php' },
  {
    name: 'roundcube',
    tail: '/program/include/iniset.php',
    version: /'RCMAIL_VERSION',\s*'([^']{1,64})'/,
  },
  { name: 'gitlab', tail: '/gitlab-rails/VERSION', version: /^([0-9][^\s]{0,63})/ },
  { name: 'redmine', tail: '/lib/redmine/version.rb' },
  { name: 'grafana', tail: '/grafana/VERSION', version: /^v?([0-9][^\s]{0,63})/ },
]);

/** Packages that install a web application. */
export const APPLICATION_PACKAGES =
  /^(phpmyadmin|wordpress|roundcube|cacti|nagios4|zabbix-frontend-php|zabbix-web|grafana|kibana|jenkins|gitlab-(ce|ee)|nextcloud|mediawiki|drupal\d*|gitea|prometheus|rundeckd?|phppgadmin|adminer|icingaweb2|openproject|zabbix-server-mysql)$/;

const APPLICATION_FILES = new Set(
  APPLICATIONS.map(({ tail }) => tail.slice(tail.lastIndexOf('/') + 1)),
);

/** True for what tells of an application or a framework by its name and place. */
export function isWebMark(directory: string, { name, type }: Entry): boolean {
  if (type === 'directory') return isPythonMark(name) || isDotnetMark(directory);
  if (type !== 'file') return false;
  if (name === 'package.json') return isJavascriptMark(directory);
  if (name === 'installed.json') return directory.endsWith('/vendor/composer');
  if (name === 'web.xml') return /\/webapps\/[^/]+\/WEB-INF$/.test(directory);
  if (name.endsWith('.gemspec')) return directory.endsWith('/specifications');
  return APPLICATION_FILES.has(name) && ruleOf(`${directory}/${name}`) !== undefined;
}

/** Rule that the path of a file matches. */
export const ruleOf = (path: string): ApplicationRule | undefined =>
  APPLICATIONS.find(({ tail }) => path.endsWith(tail));

const isPythonMark = (name: string): boolean =>
  (name.endsWith('.dist-info') || name.endsWith('.egg-info')) && pythonPackage(name) !== null;

/** `Django-4.2.dist-info` names a framework and its version. */
export function pythonPackage(name: string): { name: string; version: string | null } | null {
  const [, title = '', version = ''] =
    /^([A-Za-z0-9._]+?)(?:-(\d[^-]*)(?:-[^-]*)?)?\.(?:dist|egg)-info$/.exec(name) ?? [];
  const plain = title.toLowerCase();
  return FRAMEWORKS.python.has(plain) ? { name: plain, version: version || null } : null;
}

const isDotnetMark = (directory: string): boolean =>
  FRAMEWORKS.dotnet.has(directory.slice(directory.lastIndexOf('/') + 1));

const isJavascriptMark = (directory: string): boolean => {
  const name = javascriptPackage(directory);
  return name !== null && FRAMEWORKS.javascript.has(name);
};

/** Name of the package that a folder below `node_modules` holds. */
export function javascriptPackage(directory: string): string | null {
  return /\/node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(directory)?.[1] ?? null;
}
