import { redactText } from './redact';

/** Longest value of a variable that is kept, in characters. */
const VALUE_MAX = 1024;

/** What the value of a version looks like. */
const VERSION = /^v?\d[\w.+~:-]{0,63}$/;
const WORD = /^[\w.-]{1,64}$/;
const LOCALE = /^[A-Za-z][\w-]{0,31}(?:[.@][\w.@-]{1,32})?(?::[A-Za-z][\w.@-]{0,31}){0,8}$/;
const ZONE = /^:?[A-Za-z][\w+-]{0,31}(?:\/[\w+-]{1,32}){0,2}$/;
const PATHS = /^[\w/.+@~-]{1,256}(?::[\w/.+@~-]{0,256}){0,63}$/;
const SWITCH = /^(?:0|1|true|false|yes|no|on|off)$/i;

/** Names whose values say nothing about anybody, each with the form that its value must have. */
const HARMLESS: readonly (readonly [name: RegExp, value: RegExp])[] = [
  [/^(?:LANG|LANGUAGE|LC_[A-Z]{3,16})$/, LOCALE],
  [/^TZ$/, ZONE],
  [/^(?:PATH|MANPATH|LD_LIBRARY_PATH|PYTHONPATH|GOPATH|GOROOT|NODE_PATH|CLASSPATH)$/, PATHS],
  [
    /^(?:JAVA_HOME|JRE_HOME|CATALINA_HOME|CATALINA_BASE|M2_HOME|MAVEN_HOME|GRADLE_HOME|CONDA_PREFIX|PGDATA|SHELL)$/,
    PATHS,
  ],
  [/^[A-Z][A-Z0-9_]{0,48}_VERSION$/, VERSION],
  [/^(?:VERSION|PG_MAJOR|MYSQL_MAJOR|RUBY_MAJOR|KAFKA_SCALA)$/, VERSION],
  [/^(?:TERM|CONTAINER|container|RUNLEVEL|PREVLEVEL|CONSOLE|OSTYPE|MACHTYPE|HOSTTYPE)$/, WORD],
  [/^(?:DEBIAN_FRONTEND|NODE_ENV|RAILS_ENV|RACK_ENV|APP_ENV|ASPNETCORE_ENVIRONMENT)$/, WORD],
  [/^(?:PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|PYTHONIOENCODING|GOOS|GOARCH|GOTOOLCHAIN)$/, WORD],
  [/^(?:DOTNET_RUNNING_IN_CONTAINER|NGINX_ENTRYPOINT_QUIET_LOGS|SYSTEMD_COLORS|NO_COLOR)$/, SWITCH],
];

/**
 * The value of a variable when it is harmless by rule: its name is on the list, its form is the one that
 * values of that name have, and no detector sees anything in it. Null for every other, however harmless
 * it may look: what is not known to be harmless is not kept. @source SD-1
 */
export function harmlessValue(name: string, value: string): string | null {
  if (value.length > VALUE_MAX) return null;
  const form = HARMLESS.find(([names]) => names.test(name))?.[1];
  if (form?.test(value) !== true) return null;
  const entry = `${name}=${value}`;
  return redactText(value) === value && redactText(entry) === entry ? value : null;
}
