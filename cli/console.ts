import { encode } from 'uqr'
import type { Client } from '../client/index.ts'
import {
  type Console,
  type ConsolePage,
  createConsole,
  type JoinView,
  LogBook,
  PromptBook,
} from '../console/index.ts'
import type { Host } from '../host/index.ts'
import type { Node } from '../node/index.ts'
import { defined, plainLine } from '../protocol/index.ts'
import { swarmName } from './directories.ts'
import { diagnose, reachSteps, swarmSteps } from './doctor/index.ts'
import type { LiveKeys } from './gateway-keys.ts'
import { inviteFor } from './invite.ts'
import { joinCommand, membersOf } from './join-line.ts'
import { keyDesk, keyViews } from './key-desk.ts'
import type { ModelDesk } from './local-models/index.ts'
import { markEverywhere } from './marks.ts'
import { reachabilityFields } from './reachability.ts'
import type { Session } from './runtime.ts'
import type { SharedOptions } from './shared-options.ts'

export interface ConsoleParts {
  readonly client: Client
  /** The host that others join through. */
  readonly host: Host
  readonly swarmKey: Uint8Array | undefined
  /** Absent if this process shares nothing. */
  readonly node?: Node | undefined
  readonly log: LogBook
  /** Absent if this process has no models of its own. */
  readonly desk?: ModelDesk | undefined
  /** Pages that are hidden, because they would stay empty in this process. @default none */
  readonly absent?: readonly ConsolePage[]
  /** Where the API is served, and to whom. Absent without a gateway. */
  readonly api?: (() => JoinView['api']) | undefined
  /** Who may use the API. Absent without a gateway. */
  readonly keys?: LiveKeys | undefined
  /** Absent if prompts are not recorded. */
  readonly prompts?: PromptBook | undefined
}

/** The session with a log that the console shows as well. */
export function loggedSession<S extends Session>(session: S): { session: S; log: LogBook } {
  const log = new LogBook()
  const terminal: Session['terminal'] = {
    ...session.terminal,
    log(line, fields) {
      if (fields?.passing !== true) log.add(plainLine(line), fields)
      session.terminal.log(line, fields)
    },
  }
  return { session: { ...session, terminal }, log }
}

/** Records prompts if `--record-prompts` was given, and says so. */
export function promptsFor(
  { terminal }: Session,
  { recordPrompts }: { readonly recordPrompts?: boolean },
): PromptBook | undefined {
  if (recordPrompts !== true) return undefined
  terminal.log(
    'Prompts are recorded: the console shows what the last requests asked to everybody who can open it. They are kept in memory only, and end with this process.',
    { level: 'warn' },
  )
  return new PromptBook()
}

/** The console of a command that serves the gateway. */
export function openConsole(
  session: Session,
  options: SharedOptions,
  parts: ConsoleParts,
): Console {
  const { client, host, swarmKey, node, log, desk, absent, prompts, api, keys } = parts
  const startedAtMs = Date.now()
  return createConsole({
    client,
    log,
    prompts,
    self: () => {
      const { reachability, advice } = reachabilityFields(host.reachability())
      const load = node?.load()
      return {
        peerId: host.peerId.toString(),
        version: session.version,
        startedAtMs,
        swarm: swarmsOf(parts),
        reachability,
        ...(advice !== undefined && { advice }),
        addresses: host.addresses().map(String),
        shares: node?.models().map(({ id }) => id) ?? [],
        recordsPrompts: prompts !== undefined,
        ...defined({ load, absent }),
      }
    },
    join: () => ({ ...joinView(session, host, swarmKey), ...defined({ api: api?.() }) }),
    ...(desk !== undefined && {
      here: () => desk.view(),
      onHere: (listener) => desk.onChange(listener),
      models: desk,
    }),
    ...(keys !== undefined && {
      keys: () => keyViews(keys),
      onKeys: (listener) => keys.onChange(listener),
      keyActions: keyDesk(keys),
    }),
    markElsewhere: (peer, mark) => markEverywhere(session, options, peer, mark),
    diagnose: async () => await findings(session, parts),
  })
}

/** The names of the swarms, the default first. */
function swarmsOf({ client, host, swarmKey }: ConsoleParts): string {
  if (client.swarms.length > 0) return client.swarms.map(({ name }) => name).join(', ')
  return host.membership?.swarm ?? (swarmKey === undefined ? 'public' : swarmName(swarmKey))
}

function joinView(
  { commandName }: Session,
  host: Host,
  swarmKey: Uint8Array | undefined,
): JoinView {
  const addresses = host.addresses().map(String)
  const invite = inviteFor(swarmKey, host)
  const command = joinCommand({
    ...{ commandName, addresses },
    ...(invite !== undefined && { invite }),
    ...membersOf(host),
  })
  return {
    addresses,
    ...(command !== undefined && { command, code: squares(command) }),
    ...(invite !== undefined && { invite }),
  }
}

/** A QR code as one path of unit squares. */
function squares(text: string): NonNullable<JoinView['code']> {
  const { size, data } = encode(text, { border: 2 })
  const path = data
    .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')))
    .join('')
  return { size, path }
}

async function findings(
  { commandName, signal }: Session,
  { client, host }: ConsoleParts,
): Promise<string[]> {
  const steps = [
    ...swarmSteps({
      client,
      bootstrap: host.bootstrapPeers().map(({ address }) => address),
      commandName,
      signal,
    }),
    ...reachSteps({ host, running: [], announced: [], signal }),
  ]
  const lines: string[] = []
  for await (const finding of diagnose(steps)) {
    const advice = finding.status === 'skipped' ? undefined : finding.advice
    lines.push(`${finding.status} · ${finding.name}: ${finding.message}`)
    if (advice !== undefined) lines.push(`  ${advice}`)
  }
  return lines
}
