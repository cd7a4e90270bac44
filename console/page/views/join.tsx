import type { JSX } from 'preact'
import type { PageProps } from '../page-props.ts'
import { CopyLine, Empty, Heading } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.join

/** How another machine joins: the command, the invite, a QR code, and who reaches this machine. */
export function JoinPage({ state }: PageProps): JSX.Element {
  const { join, self } = state
  const { command, invite, code, addresses, isInviteHidden, api } = join
  const none = isInviteHidden === true ? TEXT.hidden : TEXT.none
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      {command === undefined ? (
        <Empty title={none.title} text={none.text} />
      ) : (
        <div class="join">
          <div>
            <h2>{TEXT.command}</h2>
            <CopyLine text={command} />
            <p class="quiet small">{TEXT.same}</p>
            {invite === undefined ? (
              <p class="quiet">{TEXT.publicText}</p>
            ) : (
              <>
                <h2>{TEXT.invite}</h2>
                <CopyLine text={invite} />
                <p class="quiet">{TEXT.inviteText}</p>
              </>
            )}
          </div>
          {code !== undefined && (
            <svg
              class="code"
              viewBox={`0 0 ${code.size} ${code.size}`}
              role="img"
              aria-label={TEXT.code}
            >
              <path d={code.path} />
            </svg>
          )}
        </div>
      )}
      <section class="block">
        <h2>{TEXT.open}</h2>
        <ul class="doors">
          <li>{TEXT.doors.models(self.shares.join(', '), self.swarm)}</li>
          {api !== undefined && <li>{TEXT.doors.api(api.url, api.isLocal, api.keys)}</li>}
          <li>{TEXT.doors.console(api?.keys ?? 0)}</li>
        </ul>
        <h2>{TEXT.reach}</h2>
        <p>{TEXT.reaches[self.reachability] ?? self.reachability}</p>
        {self.advice !== undefined && <p class="quiet advice">{self.advice}</p>}
        <h2>{TEXT.addresses}</h2>
        <ul class="addresses">
          {addresses.map((address) => (
            <li key={address}>
              <code>{address}</code>
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}
