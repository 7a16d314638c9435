/** How a program is told a password: options before it or with it, or a word by its place. */
export interface Program {
  readonly names: RegExp;
  /** A word that comes before: only that part of the program knows the option. */
  readonly after?: RegExp;
  /** Options whose next word holds it. */
  readonly next?: RegExp;
  /** Options that are followed by it in the same word; the option is the first group. */
  readonly joined?: RegExp;
  /** Which of the words that are no options hold it, counted behind the program or the word before. */
  readonly places?: readonly number[];
}

/** Programs whose short options are passwords; what an option means differs from one to the next. */
export const PROGRAMS: readonly Program[] = [
  {
    names: /^(?:mysql|mariadb|mytop|mycli|xtrabackup|innobackupex)[\w-]*$/,
    joined: /^(-p)./,
  },
  {
    names: /^(?:(?:redis|valkey)-(?:cli|benchmark)|keydb-cli|memtier_benchmark)$/,
    next: /^-a$/,
  },
  { names: /^sshpass$/, next: /^-p$/, joined: /^(-p)./ },
  { names: /^mongo(?:sh|dump|restore|export|import)?$/, next: /^-p$/, joined: /^(-p)./ },
  {
    names:
      /^(?:twine|cqlsh|beeline|hdbsql|ncftp\w*|cypher-shell|yt-dlp|youtube-dl|rabbitmqadmin|racadm|steghide|xmrig)$/,
    next: /^-p$/,
  },
  // Programs that try passwords, of which one is right; -H takes a hash that serves as one.
  {
    names: /^(?:hydra|medusa|crackmapexec|netexec|nxc|evil-winrm|smbmap)$/,
    next: /^-[pH]$/,
    joined: /^(-p)./,
  },
  { names: /^frp[cs]$/, next: /^-t$/, joined: /^(-t)./ },
  { names: /^eapol_test$/, next: /^-s$/ },
  { names: /^gitlab-runner$/, next: /^-r$/ },
  { names: /^ssh-keygen$/, next: /^-[NP]$/, joined: /^(-[NP])./ },
  { names: /^kubectl$/, after: /^secrets?$/, joined: /^(--from-literal=[^=]{0,256}=)./ },
  // `place/user:password@host`.
  {
    names: /^(?:impacket-\w+|(?:ps|wmi|smb|at|dcom)exec\.py|secretsdump\.py)$/,
    joined: /^([\w.$/-]{1,128}:)./,
  },
  { names: /^etcdctl$/, next: /^--user$/, joined: /^(--user=)./ },
  { names: /^lftp$/, next: /^-u$/ },
  {
    names: /^(?:docker|podman|buildah|skopeo|helm|nerdctl|crane|regctl|az|oc)$/,
    after: /^login$/,
    next: /^-p$/,
  },
  { names: /^oras$/, next: /^-p$/ },
  { names: /^ctr$/, after: /^(?:pull|push)$/, next: /^(?:-u|--user)$/, joined: /^(-u=|--user=)./ },
  {
    names: /^(?:sqlcmd|tsql|bcp|freebcp|bsqldb|fisql|ipmitool|mosquitto_\w+)$/,
    next: /^-P$/,
    joined: /^(-P)./,
  },
  {
    names: /^curl$/,
    next: /^(?:-[A-Za-z#]{0,16}[uU]|--user|--proxy-user|--pass|--proxy-pass|--oauth2-bearer)$/,
    joined: /^(-[uU]|--(?:proxy-)?user=)./,
  },
  { names: /^(?:wget|http|https|xh)$/, next: /^(?:-a|--auth)$/ },
  { names: /^ldap\w+$/, next: /^-w$/, joined: /^(-w)./ },
  {
    names: /^(?:smbclient|rpcclient|smbget|winexe|mount\.cifs)$/,
    next: /^(?:-U|--user)$/,
    joined: /^(-U)./,
  },
  { names: /^(?:wbinfo|smbc\w+|samba-tool)$/, next: /^(?:-U|-a|--user)$/, joined: /^(-U)./ },
  { names: /^ntfy$/, next: /^(?:-u|--user)$/ },
  { names: /^openssl$/, next: /^(?:-pass|-passin|-passout|-k|-K)$/ },
  { names: /^(?:useradd|usermod|adduser)$/, next: /^-p$/ },
  { names: /^(?:zip|unzip|7z|7za|7zr|rar|unrar)$/, next: /^-P$/, joined: /^(-(?:hp|[pP]))./ },
  { names: /^(?:x11vnc|xfreerdp3?|rdesktop)$/, next: /^-(?:passwd|p)$/, joined: /^(\/p:|-p)./ },
  { names: /^vault$/, after: /^(?:login|unseal)$/, places: [1] },
  { names: /^snmp\w+$/, next: /^-[AXc]$/ },
  {
    names: /^rabbitmqctl$/,
    after: /^(?:add_user|change_password|authenticate_user)$/,
    places: [2],
  },
  // `user/password@place`, also behind `userid=`; paths begin otherwise.
  {
    names: /^(?:sqlplus|sqlldr|expdp|impdp|rman)$/,
    joined: /^((?:userid=)?[\w$#.-]+\/)./,
  },
  { names: /^ss-?(?:server|local|redir|tunnel|manager|service)$/, next: /^-k$/, joined: /^(-k)./ },
  { names: /^swaks$/, next: /^-ap$/ },
  { names: /^sendEmail(?:\.pl)?$/, next: /^-xp$/ },
  { names: /^(?:consul|nomad|serf)$/, next: /^--?encrypt$/, joined: /^(--?encrypt=)./ },
  { names: /^cryptsetup$/, next: /^--key$/, joined: /^(--key=)./ },
  // With a file before the user's name or without.
  { names: /^htpasswd$/, after: /^-[A-Za-z]*b[A-Za-z]*$/, places: [2, 3] },
  // `alias set NAME URL KEY SECRET` and `admin user add NAME KEY SECRET`.
  { names: /^mc(?:li)?$/, after: /^(?:set|add)$/, places: [3, 4] },
  { names: /^(?:wpa_passphrase|mega-login)$/, places: [2] },
  { names: /^i(?:us|s)ql$/, places: [3] },
  { names: /^radtest$/, places: [2, 5] },
  { names: /^rclone$/, after: /^obscure$/, places: [1] },
  { names: /^zkCli(?:\.sh)?$/, after: /^digest$/, places: [1] },
  { names: /^qpdf$/, after: /^--encrypt$/, places: [1, 2] },
  { names: /^pdftk$/, after: /^(?:user|owner|input)_pw$/, places: [1] },
  { names: /^wpa_cli$/, after: /^(?:psk|password)$/, places: [1] },
  { names: /^ngrok$/, after: /^(?:add-)?authtoken$/, places: [1] },
  { names: /^iscsiadm$/, after: /password/, next: /^(?:-v|--value)$/, joined: /^(--value=)./ },
];

/** The name of any of them. */
export const ANY_PROGRAM = new RegExp(PROGRAMS.map(({ names }) => names.source).join('|'));
