import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An environment in which a command cannot do its work, or not as usual. */
export interface BrokenEnvironment {
  readonly name: string
  /** Why it cannot be made here. */
  readonly skip?: string | undefined
  /** Makes it. `close` removes it. */
  open(): Promise<OpenedEnvironment>
}

export interface OpenedEnvironment {
  readonly env: Readonly<Record<string, string>>
  /** Put before a command line. */
  readonly launch: readonly string[]
  close(): Promise<void>
}

const IS_ROOT = process.platform === 'linux' && process.getuid?.() === 0
const NEEDS_ROOT = IS_ROOT ? undefined : 'root on Linux'

/** Runs what follows it in a shell, after `setup`. */
const shell = (setup: string, run = 'exec "$@"'): readonly string[] => [
  'sh',
  '-c',
  `${setup}\n${run}`,
  'sh',
]
const FULL_BYTES = 65_536

/** Directories of its own, and nothing broken. */
export const USUAL_ENVIRONMENT: BrokenEnvironment = plain('usual', {})

/** Environments that any command has to survive: it does its work, or ends with an error. */
export const BROKEN_ENVIRONMENTS: readonly BrokenEnvironment[] = [
  plain('home that cannot be made', { env: { HOME: '/proc', ...under('/proc') } }),
  mounted('full disk', `size=${FULL_BYTES}`, async (directory) => {
    await writeFile(join(directory, 'fill'), Buffer.alloc(2 * FULL_BYTES)).catch(() => undefined)
  }),
  mounted('read-only disk', 'size=64k,ro'),
  plain('no HOME', {
    without: ['HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME'],
    // What is stored in the home directory of the user's entry is gone with the command.
    launch: ['unshare', '-m', ...shell('mount -t tmpfs tmpfs "$(getent passwd 0 | cut -d: -f6)"')],
    skip: NEEDS_ROOT,
  }),
  plain('a user without a home directory', {
    without: ['HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME'],
    launch: ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'],
    skip: NEEDS_ROOT ?? (has('setpriv') ? undefined : 'the command `setpriv`'),
  }),
  plain('few file descriptors', { launch: shell('ulimit -n 64') }),
  plain('hardly any file descriptors', { launch: shell('ulimit -n 40') }),
  plain('closed stdin', { launch: shell('', 'exec "$@" <&-') }),
  plain('closed stdout', { launch: shell('', 'exec "$@" >&-') }),
  plain('a reader that leaves after one byte', {
    launch: ['bash', '-c', 'exec "$@" > >(head -c 1)', 'bash'],
    skip: has('bash') ? undefined : 'the command `bash`',
  }),
  plain('stdout on a full disk', {
    launch: shell('', 'exec "$@" >/dev/full'),
    skip: existsSync('/dev/full') ? undefined : '/dev/full',
  }),
  plain('closed stderr', { launch: shell('', 'exec "$@" 2>&-') }),
  plain('tiny terminal', {
    env: { COLUMNS: '10' },
    // A command line of words without quotes, as `script` takes one string.
    launch: shell('', 'exec script -qefc "stty cols 1 rows 1; exec $*" /dev/null'),
    skip: has('script') ? undefined : 'the command `script`',
  }),
  plain('no network', { launch: ['unshare', '-n'], skip: NEEDS_ROOT }),
  plain('a network of nothing but loopback', {
    launch: ['unshare', '-n', ...shell('ip link set lo up')],
    skip: NEEDS_ROOT,
  }),
  plain('IPv6 only', {
    launch: [
      'unshare',
      '-n',
      ...shell(`ip link set lo up; ip -4 addr flush dev lo
        ip link add wan type veth peer name far; ip link set wan up; ip link set far up
        ip -6 addr add 2600:1f18::7/64 dev wan nodad; ip -6 route add default dev wan`),
    ],
    skip: NEEDS_ROOT,
  }),
]

interface Plain {
  readonly env?: Readonly<Record<string, string>>
  readonly without?: readonly string[]
  readonly launch?: readonly string[]
  readonly skip?: string | undefined
}

function plain(
  name: string,
  { env = {}, without = [], launch = [], skip }: Plain,
): BrokenEnvironment {
  return {
    name,
    skip,
    async open() {
      const home = await mkdtemp(join(tmpdir(), 'skein-broken-'))
      const all = { ...common(), HOME: home, ...under(home), ...env }
      const kept = Object.entries(all).filter(([key]) => !without.includes(key))
      return {
        env: Object.fromEntries(kept),
        launch,
        close: () => rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
      }
    },
  }
}

/** A file system of its own for all that commands store. */
function mounted(
  name: string,
  options: string,
  fill: (directory: string) => Promise<void> = async () => {},
): BrokenEnvironment {
  return {
    name,
    skip: NEEDS_ROOT,
    async open() {
      const home = await mkdtemp(join(tmpdir(), 'skein-broken-'))
      const disk = join(home, 'disk')
      await mkdir(disk)
      execFileSync('sh', ['-c', `mount -t tmpfs -o ${options} tmpfs '${disk}'`])
      await fill(disk)
      return {
        env: { ...common(), HOME: disk, ...under(disk) },
        launch: [],
        async close() {
          execFileSync('sh', ['-c', `umount -l '${disk}'`])
          await rm(home, { recursive: true, force: true })
        },
      }
    },
  }
}

function common(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
  return { PATH, NODE_COMPILE_CACHE, SKEIN_MDNS: '0' }
}

function under(home: string): Record<string, string> {
  return {
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_CONFIG_HOME: join(home, 'config'),
  }
}

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
