import type { JSX } from 'preact'
import type { ModelView } from '../../state.ts'
import { colours } from '../colours.ts'
import { shortId } from '../format.ts'
import type { PageProps } from '../page-props.ts'
import { hrefOf } from '../pages.ts'
import { CopyLine, Empty, Heading } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { NetworkPicture } from './network-picture.tsx'

const TEXT = STRINGS.survival
/** With so few models the network stands beside them. */
const FEW = 2

/** What would survive: each model with its spare peers, and the network as a picture. */
export function SurvivalPage({ state }: PageProps): JSX.Element {
  const { models, peers, self } = state
  const others = peers.filter(({ isSelf }) => !isSelf)
  const relayed = others.filter(({ path }) => path === 'relayed').length
  const direct = others.filter(({ path }) => path === 'direct').length
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      {models.length > 0 && <Verdict models={models} />}
      <div class={models.length > 0 && models.length <= FEW ? 'beside' : undefined}>
        {models.length === 0 ? (
          <Empty title={TEXT.none.title} text={TEXT.none.text}>
            <CopyLine text={TEXT.none.share} />
            <p>
              <a href={hrefOf('join')}>{STRINGS.peers.none.action}</a>
            </p>
          </Empty>
        ) : (
          <ul class="cards">
            {models.map((model) => (
              <ModelCard key={model.id} model={model} self={self.peerId} />
            ))}
          </ul>
        )}
        <section class="block" aria-labelledby="network">
          <h2 id="network">{TEXT.network}</h2>
          <p class="quiet">
            {others.length === 0 ? TEXT.alone : TEXT.networkText(direct, relayed)}
          </p>
          {others.length > 0 && <NetworkPicture peers={peers} />}
        </section>
      </div>
    </>
  )
}

function Verdict({ models }: { readonly models: readonly ModelView[] }): JSX.Element {
  const atRisk = models.filter(({ spare }) => spare.peers === 0)
  const [first] = atRisk
  if (first === undefined) {
    const spare = Math.min(...models.map((model) => model.spare.peers))
    return <p class="verdict safe">{TEXT.allSafe(models.length, spare)}</p>
  }
  return (
    <p class="verdict risk">
      {atRisk.length === 1 ? TEXT.atRisk(first.id) : TEXT.someAtRisk(atRisk.length)}
    </p>
  )
}

function ModelCard({
  model,
  self,
}: {
  readonly model: ModelView
  readonly self: string
}): JSX.Element {
  const { id, aliases, peers, spare, resume, fallbacks, weights } = model
  const isSafe = spare.peers > 0
  return (
    <li class={`card ${isSafe ? 'safe' : 'risk'}`}>
      <h2 title={[id, ...aliases].join(', ')}>{id}</h2>
      <p class="figure">
        <strong>{TEXT.mayDie(spare.peers, peers.length)}</strong>
        <span class="quiet">{isSafe ? TEXT.mayDieAtOnce : TEXT.noSpare}</span>
      </p>
      <ul class="holders" aria-label={TEXT.servedBy}>
        {peers.map((peerId) => (
          <li key={peerId} class={colours.classOf(peerId)} title={peerId}>
            <span class="dot" aria-hidden="true" />
            <code>{shortId(peerId)}</code>
            {peerId === self && <span class="quiet">{STRINGS.thisMachine}</span>}
          </li>
        ))}
      </ul>
      <ul class="facts">
        {isSafe && <li>{TEXT.networks(spare.networks)}</li>}
        {isSafe && spare.relays !== undefined && <li>{TEXT.relays(spare.relays)}</li>}
        <li>{TEXT.resume[resume]}</li>
        {weights > 1 && <li>{TEXT.weights(weights)}</li>}
        {fallbacks.length > 0 && <li>{TEXT.fallbacks(fallbacks.join(', '))}</li>}
      </ul>
    </li>
  )
}
