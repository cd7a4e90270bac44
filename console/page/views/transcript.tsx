import type { JSX } from 'preact'
import { colours } from '../colours.ts'
import { duration, shortId } from '../format.ts'
import { Empty, PeerName } from '../parts/index.ts'
import type { Piece, Turn } from '../playground/index.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.playground

/** The turns of the chat; each piece of an answer in the colour of the peer that wrote it. */
export function Transcript({
  turns,
  onExample,
}: {
  readonly turns: readonly Turn[]
  readonly onExample: (prompt: string) => void
}): JSX.Element {
  if (turns.length === 0) {
    return (
      <Empty title={TEXT.empty.title} text={TEXT.empty.text}>
        <button type="button" onClick={() => onExample(TEXT.empty.example)}>
          {TEXT.empty.example}
        </button>
      </Empty>
    )
  }
  return (
    <ol class="transcript">
      {turns.map((turn, index) => (
        // Turns are only added.
        <li key={index}>
          <p class="asked">
            <span class="hidden">{TEXT.you}: </span>
            {turn.prompt}
          </p>
          <Answer turn={turn} />
        </li>
      ))}
    </ol>
  )
}

function Answer({ turn }: { readonly turn: Turn }): JSX.Element {
  return (
    <div class="answer">
      <p aria-live="polite" aria-busy={turn.status === 'running'}>
        <span class="hidden">{TEXT.answer}: </span>
        {turn.pieces.map((piece, index) => (
          // Pieces are only added, and the last one grows.
          <span
            key={index}
            class={`piece ${colours.classOf(piece.peerId)}`}
            // Names the attempt on hover and focus. A label would be read instead of the text.
            title={attemptText(piece, index)}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what hovering tells is told by keyboard, too
            tabIndex={0}
          >
            {piece.text}
          </span>
        ))}
        {turn.status === 'running' && <span class="caret" aria-hidden="true" />}
      </p>
      {turn.status === 'stopped' && <p class="quiet">{TEXT.stopped}</p>}
      {turn.error !== undefined && (
        <p class="error" role="alert">
          {TEXT.failed}: {turn.error}
        </p>
      )}
      {turn.pieces.length > 0 && (
        <p class="writers quiet">
          {TEXT.wroteBy}
          {turn.pieces.map((piece, index) => (
            <PeerName
              // Pieces are only added.
              key={index}
              peerId={piece.peerId}
              note={turn.pieces.length > 1 ? TEXT.chunks(piece.chunks) : undefined}
            />
          ))}
        </p>
      )}
    </div>
  )
}

/** The attempt that wrote a piece: its place in the answer, when, and how much. */
function attemptText({ peerId, chunks, fromMs, untilMs }: Piece, index: number): string {
  return TEXT.attempt({
    ...{ number: index + 1, peer: shortId(peerId), chunks },
    from: duration(fromMs),
    until: duration(untilMs),
  })
}
