import type { Root } from '../files/root';

/** A file system that is mounted. */
export interface Mount {
  readonly device: string;
  readonly mountPoint: string;
  readonly filesystem: string;
  readonly readOnly: boolean;
  /** Asking it for its size or its files could wait for another machine. */
  readonly remote: boolean;
}

const MOUNTS_MAX = 8 * 1024 * 1024;

/** File systems that the kernel makes up, and those in memory. */
const MADE_UP = new Set(
  (
    'proc sysfs devtmpfs devpts tmpfs ramfs cgroup cgroup2 securityfs debugfs tracefs pstore bpf mqueue ' +
    'hugetlbfs configfs fusectl binfmt_misc autofs rpc_pipefs nsfs efivarfs selinuxfs rootfs'
  ).split(' '),
);

const REMOTE =
  /^(nfs\d?|cifs|smb\d?|smbfs|ceph|glusterfs|lustre|afs|9p|virtiofs|gpfs|beegfs|ocfs2|gfs2|fuse(\..*)?|fuseblk|davfs|ncpfs|coda)$/;

/** Layers of containers: they show the same disk once more for each container. */
const LAYERS =
  /^\/(var\/lib\/(docker|containerd|containers|kubelet|rancher)|run)\/|\/\.local\/share\/containers\//;

/** Mounts as the first process sees them, in their order; the last one on a place is what is seen. */
export function readMounts(proc: Root): readonly Mount[] {
  const first = proc.read('/1/mounts', MOUNTS_MAX);
  const own = first.ok ? first : proc.read('/mounts', MOUNTS_MAX);
  const mounts = new Map<string, Mount>();
  if (!own.ok) return [];
  for (const line of own.value.toString('utf8').split('\n')) {
    const [device, mountPoint, filesystem, options] = line.split(' ').map(unescapeOctal);
    if (device === undefined || mountPoint === undefined || filesystem === undefined) continue;
    mounts.set(mountPoint, {
      device,
      mountPoint,
      filesystem,
      readOnly: options?.split(',').includes('ro') ?? false,
      remote: REMOTE.test(filesystem),
    });
  }
  return [...mounts.values()];
}

/** True for a file system that holds files on a disk of its own. */
export const holdsFiles = ({ filesystem, mountPoint }: Mount): boolean =>
  !MADE_UP.has(filesystem) && !LAYERS.test(mountPoint);

/** True for a place that a search through all files stays out of. */
export const isNotSearched = ({ filesystem, remote, mountPoint }: Mount): boolean =>
  mountPoint !== '/' && (remote || (MADE_UP.has(filesystem) && filesystem !== 'tmpfs'));

const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
