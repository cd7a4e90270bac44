import { Argument, Command, Option } from 'commander'
import {
  inviteMember,
  type Membership,
  openInvites,
  promoteMember,
  readOwnerKey,
  revokeMember,
  rotateSwarmKey,
} from '../../host/index.ts'
import {
  type Certificate,
  InferenceError,
  type MemberRole,
  plainLine,
} from '../../protocol/index.ts'
import { changeMembers, checkClock, currentMembership, wayIn } from '../members/index.ts'
import { openTyped } from '../open-typed.ts'
import { durationMs, nonEmptyText, wholeNumber } from '../option-parsers.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

const DAY_MS = 86_400_000

interface OwnerOptions extends SharedOptions {
  readonly ownerKey?: string
}

interface RevokeOptions extends OwnerOptions {
  readonly void?: boolean
}

interface RotateOptions extends OwnerOptions {
  readonly overlap: number
}

interface InviteOptions extends OwnerOptions {
  readonly name: string
  readonly role: MemberRole
  readonly expires: number
  readonly uses: number
}

/** The subcommands of `skein swarm` about the members of a swarm. */
export function memberCommands(runtime: Runtime): Command[] {
  const invite = withOwnerKey(
    withSharedOptions(
      new Command('invite')
        .summary('invite a machine to a swarm with members')
        .description(
          'Makes an invite, one string, for `skein join` on the other machine. It is worth nothing once it is used up or has expired. An admin has to be online when it is used.',
        ),
    ),
  )
    .requiredOption('--name <name>', 'name of the machine in the swarm', nonEmptyText)
    .addOption(
      new Option(
        '--role <role>',
        'client: asks; node: also serves; admin: also invites and revokes',
      )
        .choices(['client', 'node', 'admin'])
        .default('node'),
    )
    .option('--expires <time>', 'how long the invite is good: 30m, 12h, 7d', durationMs, 7 * DAY_MS)
    .option('--uses <n>', 'machines that may join with it', wholeNumber(1, 1_000), 1)
    .action(runtime.action(invited))
  const members = withSharedOptions(
    new Command('members').summary('list the members and open invites'),
  ).action(runtime.action(listMembers))
  const revoke = withOwnerKey(
    withSharedOptions(
      new Command('revoke')
        .summary('end a membership, or an open invite')
        .description(
          'Ends the membership of a machine: at once here, within a minute at all members that are connected. Its connections and streams end. An invite of that name that is still open ends, too.',
        )
        .addArgument(new Argument('<name>', 'its name, or the id of its key')),
    ),
  )
    .option(
      '--void',
      'of an admin: also void all that it signed before, members that it let in included',
    )
    .action(runtime.action(revoked))
  const promote = withOwnerKey(
    withSharedOptions(
      new Command('promote')
        .summary("make a member an admin, with the owner's key")
        .addArgument(new Argument('<name>', 'its name, or the id of its key')),
    ),
  ).action(runtime.action(promoted))
  const rotate = withOwnerKey(
    withSharedOptions(
      new Command('rotate')
        .summary('replace the pre-shared key of a swarm with members')
        .description(
          'Makes a new pre-shared key. Members hand it on to each other; machines that were revoked do not get it, and cannot even connect once the older key is no longer accepted. A member that is off until then gets the new key from a new invite, with `skein join`.',
        ),
    ),
  )
    .option(
      '--overlap <time>',
      'how long the older key is accepted: 0, 30m, 12h, 7d',
      overlapMs,
      DAY_MS,
    )
    .action(runtime.action(rotated))
  return [invite, members, revoke, promote, rotate]
}

function overlapMs(text: string): number {
  return text.trim() === '0' ? 0 : durationMs(text)
}

function withOwnerKey(command: Command): Command {
  return command.option('--owner-key <file>', "the owner's key, if it is not kept on this machine")
}

async function invited(session: Session, options: InviteOptions): Promise<undefined> {
  const { terminal, commandName } = session
  using membership = await currentMembership(session, options)
  const { name, role, uses, expires } = options
  const nowMs = Date.now()
  const addresses = await wayIn(session, membership, options.bootstrap ?? [])
  const ownerKey = await ownerKeyOf(membership, options)
  if (role === 'admin' && (await readOwnerKey(membership.directory)) === undefined) {
    throw new UsageError(
      `the owner's key has to be beside the membership when an admin joins: invite ${name} as a node, then \`${commandName} swarm promote ${name} --owner-key FILE\``,
    )
  }
  const init = { name, role, uses, expiresAtMs: nowMs + expires, addresses }
  const { changed: text, told } = await managed(() =>
    changeMembers(session, options, membership, () =>
      inviteMember(membership, init, { nowMs, ownerKey }),
    ),
  )
  const expiresAt = new Date(nowMs + expires).toISOString()
  terminal.emit({ event: 'invite', name, role, uses, expiresAt, invite: text, told } as {
    event: 'invite'
  })
  terminal.print(
    `${text}\n\nOn the other machine, before ${expiresAt}:\n\n  ${commandName} join ${text}\n`,
  )
  if (addresses.length === 0) {
    terminal.log(
      `The invite has no address, since no ${commandName} process of this swarm runs here: start one and invite again, or add --bootstrap.`,
    )
  }
  return undefined
}

async function listMembers(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal } = session
  using membership = await currentMembership(session, options)
  const { roster } = membership
  const nowMs = Date.now()
  const members = roster.members().map((certificate) => ({
    name: certificate.name,
    role: certificate.role,
    state: stateOf(membership, certificate, nowMs),
    expiresAt: new Date(certificate.expiresAtMs).toISOString(),
    key: certificate.member.toString(),
    self: certificate.member.equals(membership.member),
  }))
  const invites = openInvites(membership, nowMs).map(({ entry }) => ({
    name: entry.name,
    role: entry.role,
    left: entry.uses - roster.joinedWith(entry.key).length,
    expiresAt: new Date(entry.expiresAtMs).toISOString(),
  }))
  const swarm = membership.name
  terminal.emit({ event: 'members', swarm, members, invites } as { event: 'members' })
  terminal.print(`Swarm ${swarm}\n\n`)
  terminal.print(
    renderTable(
      ['NAME', 'ROLE', 'STATE', 'UNTIL', 'KEY'],
      [
        ...members.map(({ name, role, state, expiresAt, key, self }) => [
          `${plainLine(name)}${self ? ' (this machine)' : ''}`,
          ...[role, state, day(expiresAt), key],
        ]),
        ...invites.map(({ name, role, left, expiresAt }) => [
          ...[plainLine(name), role, left === 1 ? 'invited' : `invited, ${left} uses`],
          ...[day(expiresAt), ''],
        ]),
      ],
    ),
  )
  return undefined
}

function stateOf({ roster }: Membership, certificate: Certificate, nowMs: number): string {
  const standing = roster.standingOf(certificate, nowMs)
  if (standing.isMember) return 'member'
  return standing.reason === 'not_a_member' ? 'void' : standing.reason.replaceAll('_', ' ')
}

const day = (iso: string): string => iso.slice(0, 10)

async function revoked(
  session: Session,
  options: RevokeOptions,
  [who = '']: readonly string[],
): Promise<undefined> {
  const { terminal } = session
  using membership = await currentMembership(session, options)
  const ownerKey = await ownerKeyOf(membership, options)
  const how = { nowMs: Date.now(), ownerKey, isVoid: options.void === true }
  const { changed: ended, told } = await managed(() =>
    changeMembers(session, options, membership, async () => {
      const before = membership.keys.rotations().length
      const revocation = await revokeMember(membership, who, how)
      return { ...revocation, endsRotation: membership.keys.rotations().length < before }
    }),
  )
  const members = ended.members.map(({ name, member }) => ({ name, key: member.toString() }))
  terminal.emit({ event: 'revoked', members, invites: ended.invites, told } as { event: 'revoked' })
  const what = [
    ...(members.length > 0
      ? [`the membership of ${members.map(({ name }) => plainLine(name)).join(', ')}`]
      : []),
    ...(ended.invites > 0 ? [`${ended.invites} open invite${ended.invites === 1 ? '' : 's'}`] : []),
  ]
  const advice = ended.endsRotation
    ? ` The pre-shared key that this admin made is handed on no longer: make a new one with \`${session.commandName} swarm rotate\`.`
    : ''
  terminal.print(`Revoked ${what.join(' and ')}. ${toldWords(told)}${advice}\n`)
  return undefined
}

async function promoted(
  session: Session,
  options: OwnerOptions,
  [who = '']: readonly string[],
): Promise<undefined> {
  const { terminal } = session
  using membership = await currentMembership(session, options)
  const ownerKey = await ownerKeyOf(membership, options)
  const how = { nowMs: Date.now(), ownerKey }
  const { told } = await managed(() =>
    changeMembers(session, options, membership, () => promoteMember(membership, who, how)),
  )
  terminal.emit({ event: 'promoted', name: who, told } as { event: 'promoted' })
  terminal.print(`${plainLine(who)} is an admin now. ${toldWords(told)}\n`)
  return undefined
}

async function rotated(session: Session, options: RotateOptions): Promise<undefined> {
  const { terminal } = session
  using membership = await currentMembership(session, options)
  const ownerKey = await ownerKeyOf(membership, options)
  const how = { nowMs: Date.now(), ownerKey, overlapMs: options.overlap }
  const { changed, told } = await managed(() =>
    changeMembers(session, options, membership, async (clock) => {
      checkClock(clock)
      return await rotateSwarmKey(membership, how)
    }),
  )
  const oldUntil = new Date(changed.oldUntilMs).toISOString()
  terminal.emit({ event: 'rotated', oldUntil, told } as { event: 'rotated' })
  terminal.print(
    `The swarm has a new key; the older one is accepted until ${oldUntil}. ${toldWords(told)}\n`,
  )
  return undefined
}

/** Runs a change of the members. @throws UsageError in place of InferenceError `invalid_request` and `unauthorized` */
async function managed<T>(change: () => Promise<T>): Promise<T> {
  return await openTyped(change).catch((cause: unknown) => {
    if (!InferenceError.is(cause, 'unauthorized')) throw cause
    throw new UsageError(cause.message, { cause })
  })
}

/** @param told members that know it; `undefined` if a running process of this machine tells them */
function toldWords(told: number | undefined): string {
  if (told === undefined)
    return 'The process that runs here tells all connected members within a second.'
  return told === 0
    ? 'No other member is reached at the moment: they learn it when one of this machine’s processes meets them.'
    : `${told} member${told === 1 ? ' is' : 's are'} told; they tell the others.`
}

async function ownerKeyOf(
  { directory }: Membership,
  { ownerKey }: OwnerOptions,
): Promise<Awaited<ReturnType<typeof readOwnerKey>>> {
  return await openTyped(() => readOwnerKey(directory, ownerKey))
}
