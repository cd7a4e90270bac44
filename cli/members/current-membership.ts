import { Membership } from '../../host/index.ts'
import { openTyped } from '../open-typed.ts'
import type { Session } from '../runtime.ts'
import { memberSwarm, type SharedOptions } from '../shared-options.ts'
import { UsageError } from '../usage-error.ts'

/** The membership that a command is about. @throws UsageError if this machine is in no swarm with members */
export async function currentMembership(
  session: Pick<Session, 'commandName' | 'env' | 'terminal'>,
  options: SharedOptions,
): Promise<Membership> {
  const swarm = memberSwarm(options, session.env)
  if (swarm === undefined) {
    throw new UsageError(
      `this machine is in no swarm with members: \`${session.commandName} swarm create NAME\` begins one, \`${session.commandName} join INVITE\` joins one`,
    )
  }
  const onFault = (message: string): void => session.terminal.log(message)
  return await openTyped(() => Membership.open(swarm.directory, { onFault }))
}
