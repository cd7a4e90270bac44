import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Argument, Command } from 'commander'
import { AGENTS, gatewayModel, type LaunchPlan } from '../launch/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'

interface LaunchOptions extends SharedOptions {
  readonly url: string
  readonly model?: string
  readonly key?: string
  readonly dryRun?: boolean
}

const DEFAULT_URL = 'http://127.0.0.1:4810'
/** For gateways without API keys, because agents want one. */
const NO_KEY = 'none'

export function launchCommand(runtime: Runtime): Command {
  return new Command('launch')
    .description(
      'Starts a coding agent that uses the swarm, through a gateway on this machine. Nothing is written into the ' +
        "agent's configuration; what is set is printed. Arguments after -- go to the agent.",
    )
    .addArgument(new Argument('<agent>', 'the agent to start').choices(Object.keys(AGENTS)))
    .argument('[args...]', "the agent's own arguments")
    .option('--url <url>', 'the gateway, without /v1', DEFAULT_URL)
    .option('--model <name>', 'the model to use (default: the only one that the gateway lists)')
    .option('--key <key>', 'API key of the gateway, if it has keys')
    .option('--dry-run', 'print what would be set, and start nothing')
    .option('--json', 'one JSON object a line on stdout')
    .action(runtime.action(launch))
}

async function launch(
  session: Session,
  { url: given, model: wanted, key = NO_KEY, dryRun }: LaunchOptions,
  [agent = '', ...args]: readonly string[],
): Promise<number | undefined> {
  const { terminal, signal } = session
  const url = given.replace(/\/+$/, '').replace(/\/v1$/, '')
  const model = await gatewayModel({ url, key, model: wanted, signal })
  const plan = AGENTS[agent]?.({ url, model, key })
  if (plan === undefined) throw new UsageError(`no agent '${agent}' is known`)
  const started = { ...plan, args: [...plan.args, ...args] }
  for (const line of linesOf(started, key)) terminal.log(line)
  return dryRun === true ? undefined : await run(started, session)
}

/** What is set, as a shell would take it. Keys are not shown. */
function linesOf({ command, args, env }: LaunchPlan, key: string): readonly string[] {
  const shown = (text: string): string => (text === key && key !== NO_KEY ? '…' : text)
  const set = Object.entries(env).map(([name, value]) => `${name}=${quoted(shown(value))}`)
  return [...set, [command, ...args.map(quoted)].join(' ')]
}

function quoted(text: string): string {
  return /^[\w./:@=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Runs the agent in this terminal. @returns its exit code */
async function run({ command, args, env, install }: LaunchPlan, session: Session): Promise<number> {
  const { interrupts, signal } = session
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const child = spawn(command, args, { stdio: 'inherit', env: { ...session.env, ...env } })
  // An interrupt from the keyboard reaches the agent as well, which decides what it means.
  const restore = interrupts.intercept(() => undefined)
  const end = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', end, { once: true })
  child.once('error', (cause) => {
    const isMissing = 'code' in cause && cause.code === 'ENOENT'
    const message = isMissing ? `${command} is not installed: ${install}` : cause.message
    reject(new UsageError(message, { cause }))
  })
  child.once('exit', (code, killedBy) =>
    resolve(code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy])),
  )
  try {
    return await promise
  } finally {
    restore()
    signal.removeEventListener('abort', end)
  }
}
