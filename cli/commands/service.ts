import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { makeDirectory, writeAtomic } from '../../storage/index.ts'
import { configOption, jsonOption } from '../local-options.ts'
import type { Runtime, Session } from '../runtime.ts'
import {
  SERVICE_ROLES,
  type Service,
  type ServiceRole,
  type Supervisor,
  supervisorOf,
} from '../service/index.ts'
import type { SharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'

interface ServiceOptions extends SharedOptions {
  readonly system?: boolean
  readonly print?: boolean
  readonly follow?: boolean
}

/** `skein service …`: a command that starts with the machine and is started again when it ends. */
export function serviceCommand(runtime: Runtime): Command {
  const part = (name: string, summary: string): Command =>
    new Command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .argument('<command>', SERVICE_ROLES.join(', '))
      .option('--system', 'a service of the machine instead of this user’s; needs root')
      .addOption(configOption())
      .addOption(jsonOption())
  const unconfigured = { configured: false }
  return new Command('service')
    .description(
      'Keeps a command running with systemd or launchd: it starts with the machine, or with this user’s session, and is started again when it ends or hangs.',
    )
    .addCommand(
      part('install', 'write the service and start it')
        .argument('[options...]', 'options of the command, after --; better in skein.yaml')
        .option('--print', 'only print the file that would be written')
        .action(runtime.action(install, unconfigured)),
    )
    .addCommand(
      part('status', 'show whether the service runs').action(runtime.action(status, unconfigured)),
    )
    .addCommand(
      part('logs', 'show the last lines that the service logged')
        .option('--follow', 'and those to come')
        .action(runtime.action(logs, unconfigured)),
    )
    .addCommand(
      part('uninstall', 'stop the service and remove it; its data stay').action(
        runtime.action(uninstall, unconfigured),
      ),
    )
}

async function install(
  session: Session,
  options: ServiceOptions,
  [name = '', ...more]: readonly string[],
): Promise<undefined> {
  const { terminal } = session
  const role = roleOf(name)
  const supervisor = supervisorFor(session, options)
  const text = supervisor.text(serviceOf(session, options, role, more))
  const path = supervisor.path(role)
  if (options.print === true) {
    terminal.emit({ event: 'service', path, text } as { event: 'service' })
    terminal.print(text)
    return undefined
  }
  if (session.mainFile.includes('/_npx/')) {
    throw new UsageError('npx keeps this copy for a while only: npm install --global skein')
  }
  if (options.system !== true) await makeDirectory(dirname(path))
  await writeAtomic(path, text)
  for (const line of supervisor.start(role)) await run(line, session)
  terminal.emit({ event: 'installed', path } as { event: 'installed' })
  terminal.print(`Started ${role} as a service, described by ${path}.\n`)
  if (process.platform === 'linux' && options.system !== true) {
    terminal.print('It stops with your session unless you run: loginctl enable-linger\n')
  }
  return undefined
}

function serviceOf(
  { execPath, mainFile, env }: Session,
  options: ServiceOptions,
  role: ServiceRole,
  more: readonly string[],
): Service {
  if (more.some((one) => /^--invite(=(?!@)|$)/.test(one))) {
    throw new UsageError(
      'an invite is a secret, and every user can read the file of a service: put it into skein.yaml, or name a file with --invite=@FILE',
    )
  }
  const config = options.config ?? (options.system === true ? undefined : env.SKEIN_CONFIG)
  if (config !== undefined && !existsSync(config)) throw new UsageError(`${config} does not exist`)
  const named = config === undefined || config === '' ? [] : ['--config', resolve(config)]
  const scope = options.system === true ? 'system' : 'user'
  return { role, scope, command: [execPath, mainFile, role, ...named, ...more] }
}

async function status(
  session: Session,
  options: ServiceOptions,
  [name = '']: readonly string[],
): Promise<number> {
  return await shown(supervisorFor(session, options).status(roleOf(name)), session)
}

async function logs(
  session: Session,
  options: ServiceOptions,
  [name = '']: readonly string[],
): Promise<number> {
  const line = supervisorFor(session, options).logs(roleOf(name), options.follow === true)
  return await shown(line, session)
}

async function uninstall(
  session: Session,
  options: ServiceOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const role = roleOf(name)
  const supervisor = supervisorFor(session, options)
  const path = supervisor.path(role)
  if (!existsSync(path)) throw new UsageError(`${role} is not installed: ${path} does not exist`)
  for (const line of supervisor.stop(role)) await run(line, session).catch(() => undefined)
  await rm(path, { force: true })
  for (const line of supervisor.forget) await run(line, session)
  session.terminal.emit({ event: 'uninstalled', path } as { event: 'uninstalled' })
  session.terminal.print(`Removed ${path}. Identity, models and keys are still there.\n`)
  return undefined
}

function roleOf(name: string): ServiceRole {
  const role = SERVICE_ROLES.find((one) => one === name)
  if (role === undefined) throw new UsageError(`a service is one of ${SERVICE_ROLES.join(', ')}`)
  return role
}

function supervisorFor({ env }: Session, { system }: ServiceOptions): Supervisor {
  return supervisorOf(process.platform, system === true ? 'system' : 'user', env)
}

/** @throws UsageError with what the command said */
async function run(
  [command, ...args]: readonly [string, ...string[]],
  { env }: Pick<Session, 'env'>,
): Promise<void> {
  const child = spawn(command, args, { env: { ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (piece: Buffer) => {
    said = (said + piece.toString()).slice(-1_000)
  })
  const code = await exitOf(child, command)
  if (code !== 0) throw new UsageError(`${[command, ...args].join(' ')} failed: ${said.trim()}`)
}

/** Runs a command whose output is this one's. */
async function shown(
  [command, ...args]: readonly [string, ...string[]],
  { env, signal }: Pick<Session, 'env' | 'signal'>,
): Promise<number> {
  const child = spawn(command, args, { env: { ...env }, stdio: 'inherit' })
  const stop = (): boolean => child.kill()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await exitOf(child, command)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function exitOf(child: ReturnType<typeof spawn>, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new UsageError(`cannot run ${command}: ${error.message}`)),
    )
    child.once('exit', (code) => resolve(code ?? 0))
  })
}
