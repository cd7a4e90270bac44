import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { key, type Refusal } from '../connection.ts'
import { connect } from '../store.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.refused

/** Why the console is not shown, and what to do. */
export function RefusedPage({ refusal }: { readonly refusal: Refusal }): JSX.Element {
  const [typed, setTyped] = useState('')
  if (refusal !== 'key' && refusal !== 'rights') {
    return (
      <main class="alone">
        <h1>{TEXT.loopback.title}</h1>
        <p>{TEXT.loopback.text}</p>
      </main>
    )
  }
  const refused = refusal === 'rights' ? TEXT.key.restricted : TEXT.key.wrong
  const advice = key.get() === '' ? TEXT.key.text : refused
  const open = (event: Event): void => {
    event.preventDefault()
    key.set(typed.trim())
    connect()
  }
  return (
    <main class="alone">
      <h1>{TEXT.key.title}</h1>
      <p>{advice}</p>
      <form onSubmit={open}>
        <label>
          <span>{TEXT.key.label}</span>
          <input
            type="password"
            autocomplete="off"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          {TEXT.key.submit}
        </button>
      </form>
    </main>
  )
}
