import type { JSX } from 'preact'
import { colours } from '../colours.ts'
import { shortId } from '../format.ts'

/** A peer's short id with its colour. The whole id is in the title. */
export function PeerName({
  peerId,
  note,
}: {
  readonly peerId: string
  readonly note?: string | undefined
}): JSX.Element {
  return (
    <span class={`peer ${colours.classOf(peerId)}`} title={peerId}>
      <span class="dot" aria-hidden="true" />
      <code>{shortId(peerId)}</code>
      {note !== undefined && <span class="quiet">{note}</span>}
    </span>
  )
}
