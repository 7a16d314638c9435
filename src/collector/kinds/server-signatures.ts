/** How a server is recognised. */
export interface Signature {
  readonly name: string;
  /** Name of its executable; `java` servers are recognised by what they run instead. */
  readonly program?: RegExp;
  /** Main class or archive of a server that runs inside a Java machine. */
  readonly javaMain?: RegExp;
  /** Packages that install it, as the three package managers call them. */
  readonly packages?: RegExp;
  /** Configuration files; a `*` stands for any name. */
  readonly configuration: readonly string[];
}

/** Databases, by the name under which they are reported. */
export const DATABASES: readonly Signature[] = Object.freeze([
  {
    name: 'mariadb',
    program: /^mariadbd$/,
    packages: /^mariadb-server(-core)?(-[\d.]+)?$|^mariadb$/,
    configuration: ['/etc/mysql/mariadb.cnf', '/etc/my.cnf.d/mariadb-server.cnf'],
  },
  {
    name: 'mysql',
    program: /^mysqld(-debug)?$/,
    packages: /^(mysql-server(-core)?(-[\d.]+)?|mysql-community-server|percona-server-server)$/,
    configuration: ['/etc/mysql/mysql.cnf', '/etc/my.cnf'],
  },
  {
    name: 'postgresql',
    program: /^(postgres|postmaster)$/,
    packages: /^postgresql(-\d+|\d+-server|-server|\d{2})$/,
    configuration: [
      '/etc/postgresql/*/*/postgresql.conf',
      '/var/lib/pgsql/data/postgresql.conf',
      '/var/lib/pgsql/*/data/postgresql.conf',
      '/var/lib/postgresql/data/postgresql.conf',
    ],
  },
  {
    name: 'mongodb',
    program: /^mongo[ds]$/,
    packages: /^(mongodb-org-server|mongodb-server(-core)?|percona-server-mongodb-server)$/,
    configuration: ['/etc/mongod.conf', '/etc/mongodb.conf'],
  },
  {
    name: 'ferretdb',
    program: /^ferretdb$/,
    packages: /^ferretdb$/,
    configuration: [],
  },
  {
    name: 'redis',
    program: /^redis-(server|sentinel)$/,
    packages: /^redis(-server)?$/,
    configuration: ['/etc/redis/redis.conf', '/etc/redis.conf'],
  },
  {
    name: 'valkey',
    program: /^valkey-(server|sentinel)$/,
    packages: /^valkey(-server)?$/,
    configuration: ['/etc/valkey/valkey.conf'],
  },
  {
    name: 'memcached',
    program: /^memcached$/,
    packages: /^memcached$/,
    configuration: ['/etc/memcached.conf', '/etc/sysconfig/memcached'],
  },
  {
    name: 'cassandra',
    javaMain: /^org\.apache\.cassandra\./,
    packages: /^cassandra$/,
    configuration: ['/etc/cassandra/cassandra.yaml', '/etc/cassandra/conf/cassandra.yaml'],
  },
  {
    name: 'elasticsearch',
    javaMain: /^(org\.elasticsearch\.|org\.elasticsearch\.server\/)/,
    packages: /^elasticsearch(-oss)?$/,
    configuration: ['/etc/elasticsearch/elasticsearch.yml'],
  },
  {
    name: 'opensearch',
    javaMain: /^org\.opensearch\./,
    packages: /^opensearch$/,
    configuration: ['/etc/opensearch/opensearch.yml'],
  },
  {
    name: 'neo4j',
    javaMain: /^(org|com)\.neo4j\.server\./,
    packages: /^neo4j(-enterprise)?$/,
    configuration: ['/etc/neo4j/neo4j.conf'],
  },
  {
    name: 'hbase',
    javaMain: /^org\.apache\.hadoop\.hbase\./,
    configuration: ['/etc/hbase/conf/hbase-site.xml'],
  },
  {
    name: 'h2',
    javaMain: /^org\.h2\.tools\.(Server|Console)$/,
    configuration: [],
  },
  {
    name: 'clickhouse',
    program: /^clickhouse(-server)?$/,
    packages: /^clickhouse-server$/,
    configuration: ['/etc/clickhouse-server/config.xml'],
  },
  {
    name: 'influxdb',
    program: /^influxd$/,
    packages: /^influxdb2?$/,
    configuration: ['/etc/influxdb/influxdb.conf', '/etc/influxdb/config.toml'],
  },
  {
    name: 'etcd',
    program: /^etcd$/,
    packages: /^etcd(-server)?$/,
    configuration: ['/etc/etcd/etcd.conf', '/etc/kubernetes/manifests/etcd.yaml'],
  },
  { name: 'cockroachdb', program: /^cockroach$/, configuration: [] },
  { name: 'tidb', program: /^(tidb|tikv|pd)-server$/, configuration: [] },
  { name: 'dameng', program: /^dmserver$/, configuration: ['/etc/dm_svc.conf'] },
  { name: 'kingbase', program: /^kingbase$/, configuration: [] },
  { name: 'oracle', program: /^(oracle|tnslsnr)$/, configuration: ['/etc/oratab'] },
  {
    name: 'sql-server',
    program: /^sqlservr$/,
    packages: /^mssql-server$/,
    configuration: ['/var/opt/mssql/mssql.conf'],
  },
  { name: 'db2', program: /^db2sysc$/, configuration: [] },
  {
    name: 'couchdb',
    program: /^couchdb$/,
    packages: /^couchdb$/,
    configuration: ['/opt/couchdb/etc/local.ini'],
  },
  {
    name: 'rethinkdb',
    program: /^rethinkdb$/,
    packages: /^rethinkdb$/,
    configuration: ['/etc/rethinkdb/instances.d/*.conf'],
  },
]);

/** Servers that answer HTTP, by the name under which they are reported. */
export const WEB_SERVICES: readonly Signature[] = Object.freeze([
  {
    name: 'nginx',
    program: /^nginx$/,
    packages: /^nginx(-(core|full|light|extras))?$/,
    configuration: ['/etc/nginx/nginx.conf', '/usr/local/nginx/conf/nginx.conf'],
  },
  {
    name: 'openresty',
    program: /^openresty$/,
    packages: /^openresty$/,
    configuration: ['/usr/local/openresty/nginx/conf/nginx.conf'],
  },
  {
    name: 'tengine',
    program: /^tengine$/,
    packages: /^tengine$/,
    configuration: ['/usr/local/tengine/conf/nginx.conf'],
  },
  {
    name: 'apache',
    program: /^(apache2|httpd)$/,
    packages: /^(apache2|httpd)$/,
    configuration: ['/etc/apache2/apache2.conf', '/etc/httpd/conf/httpd.conf'],
  },
  {
    name: 'caddy',
    program: /^caddy$/,
    packages: /^caddy$/,
    configuration: ['/etc/caddy/Caddyfile'],
  },
  {
    name: 'lighttpd',
    program: /^lighttpd$/,
    packages: /^lighttpd$/,
    configuration: ['/etc/lighttpd/lighttpd.conf'],
  },
  {
    name: 'haproxy',
    program: /^haproxy$/,
    packages: /^haproxy$/,
    configuration: ['/etc/haproxy/haproxy.cfg'],
  },
  {
    name: 'traefik',
    program: /^traefik$/,
    packages: /^traefik$/,
    configuration: ['/etc/traefik/traefik.yml', '/etc/traefik/traefik.toml'],
  },
  { name: 'envoy', program: /^envoy$/, packages: /^envoy$/, configuration: ['/etc/envoy/*.yaml'] },
  {
    name: 'tomcat',
    javaMain: /^org\.apache\.catalina\.startup\.Bootstrap$/,
    packages: /^tomcat\d*$/,
    configuration: ['/etc/tomcat*/server.xml', '/opt/tomcat*/conf/server.xml'],
  },
  {
    name: 'jetty',
    javaMain: /^org\.eclipse\.jetty\.|(^|\/)start\.jar$/,
    packages: /^jetty\d*$/,
    configuration: ['/etc/jetty*/start.ini'],
  },
  {
    name: 'wildfly',
    javaMain: /(^|\/)jboss-modules\.jar$|^org\.jboss\./,
    packages: /^wildfly$/,
    configuration: ['/opt/wildfly*/standalone/configuration/standalone.xml'],
  },
  {
    name: 'weblogic',
    javaMain: /^weblogic\.Server$/,
    configuration: [],
  },
  {
    name: 'websphere',
    javaMain: /^com\.ibm\.ws(spi)?\./,
    configuration: [],
  },
  {
    name: 'php-fpm',
    program: /^php-fpm[\d.]*$/,
    packages: /^php[\d.]*-fpm$/,
    configuration: ['/etc/php/*/fpm/php-fpm.conf', '/etc/php-fpm.conf'],
  },
  {
    name: 'uwsgi',
    program: /^uwsgi(-core)?$/,
    packages: /^uwsgi(-core)?$/,
    configuration: ['/etc/uwsgi/apps-enabled/*'],
  },
  { name: 'gunicorn', program: /^gunicorn\d?$/, packages: /^gunicorn\d?$/, configuration: [] },
  {
    name: 'squid',
    program: /^squid$/,
    packages: /^squid(-openssl)?$/,
    configuration: ['/etc/squid/squid.conf'],
  },
  {
    name: 'varnish',
    program: /^varnishd$/,
    packages: /^varnish$/,
    configuration: ['/etc/varnish/default.vcl'],
  },
]);
