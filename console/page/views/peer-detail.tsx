import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { PeerView } from '../../state.ts'
import { act } from '../connection.ts'
import { ActionButton, Copy, Detail, type Fact, Facts, PeerName } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { useAction } from '../use-action.ts'

const TEXT = STRINGS.peers

/** One peer: what is known of it, on what evidence, and what its owner can say about it. */
export function PeerDetail({ peer }: { readonly peer: PeerView }): JSX.Element {
  const { peerId, operator } = peer
  return (
    <Detail
      page="peers"
      title={<PeerName peerId={peerId} note={operator === '' ? undefined : operator} />}
    >
      {!peer.isSelf && <Word peer={peer} />}
      <Facts facts={factsOf(peer)}>
        <div class="wide">
          <dt>{TEXT.facts.id}</dt>
          <dd>
            <code>{peerId}</code> <Copy text={peerId} />
          </dd>
        </div>
        {peer.addresses.length > 0 && (
          <div class="wide">
            <dt>{TEXT.facts.addresses}</dt>
            {peer.addresses.map((address) => (
              <dd key={address}>
                <code>{address}</code>
              </dd>
            ))}
          </div>
        )}
      </Facts>
      {peer.models.length > 0 && <Evidence peer={peer} />}
    </Detail>
  )
}

function factsOf(peer: PeerView): readonly Fact[] {
  const { facts } = TEXT
  const { version, reachability, network, receipts, address, models } = peer
  return [
    [facts.models, models.length === 0 ? undefined : models.join(', ')],
    [facts.version, version ?? TEXT.unknownVersion],
    [facts.reach, reachability === undefined ? undefined : TEXT.reaches[reachability]],
    [facts.connectedAt, address],
    [facts.network, network],
    [facts.receipts, receipts && TEXT.receipts(receipts.given, receipts.received)],
  ]
}

function Evidence({ peer: { standing } }: { readonly peer: PeerView }): JSX.Element {
  return (
    <div class="evidence">
      <h3>{TEXT.evidence}</h3>
      {standing.evidence.length === 0 && <p class="quiet">{TEXT.noEvidence}</p>}
      <ul>
        {standing.evidence.map(({ weights, words, strikes, quality, auditRate }) => (
          <li key={`${weights} ${words}`}>
            <code>{weights}</code> {words}.
            <span class="quiet small">{TEXT.figures(strikes, quality, auditRate)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** What is carried out after a second press. */
type Verb = 'deny' | 'forget' | 'trust'
type Order = Verb | 'unmark'

/** What the owner says: an order that is carried out after a second press, because others depend on it. */
function Word({ peer }: { readonly peer: PeerView }): JSX.Element {
  const action = useAction()
  const [asked, setAsked] = useState<Verb | undefined>()
  const [done, setDone] = useState<Order | undefined>()
  const { mark, standing } = peer
  const carryOut = async (verb: Order): Promise<void> => {
    setAsked(undefined)
    if (await action.run(verb, () => act(orderOf(verb, peer.peerId)))) setDone(verb)
  }
  const verbs: readonly Verb[] = [
    ...(mark === 'denied' ? [] : (['deny'] as const)),
    ...(mark === 'trusted' ? [] : (['trust'] as const)),
    ...(standing.audits > 0 ? (['forget'] as const) : []),
  ]
  return (
    <div class="word">
      {mark !== undefined && (
        <p>
          <span class={`badge ${mark === 'denied' ? 'bad' : 'good'}`}>{TEXT.marks[mark]}</span>{' '}
          {TEXT.means[mark]}
        </p>
      )}
      {asked === undefined ? (
        <div class="actions">
          {mark !== undefined && (
            <ActionButton isBusy={action.isBusy('unmark')} onPress={() => carryOut('unmark')}>
              {TEXT.takeBack[mark]}
            </ActionButton>
          )}
          {verbs.map((verb) => (
            <ActionButton key={verb} isBusy={action.isBusy(verb)} onPress={() => setAsked(verb)}>
              {TEXT.verbs[verb]}
            </ActionButton>
          ))}
        </div>
      ) : (
        <fieldset class="sure">
          <legend>{TEXT.sure[asked]}</legend>
          <div class="actions">
            {/* The button that was pressed first is gone, and the focus with it. */}
            <ActionButton
              class="primary"
              takesFocus
              isBusy={action.isBusy(asked)}
              onPress={() => carryOut(asked)}
            >
              {TEXT.verbs[asked]}
            </ActionButton>
            <button type="button" onClick={() => setAsked(undefined)}>
              {TEXT.keep}
            </button>
          </div>
        </fieldset>
      )}
      <p class={action.error === '' ? 'quiet small' : 'failure'} role="status">
        {action.error === '' ? done !== undefined && TEXT.done[done] : action.error}
      </p>
    </div>
  )
}

function orderOf(verb: Order, peer: string): Record<string, unknown> {
  switch (verb) {
    case 'deny':
      return { action: 'mark', peer, mark: 'denied' }
    case 'trust':
      return { action: 'mark', peer, mark: 'trusted' }
    case 'unmark':
      return { action: 'mark', peer, mark: null }
    default:
      return { action: 'forget', peer }
  }
}
