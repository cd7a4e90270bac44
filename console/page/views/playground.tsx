import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { PageProps } from '../page-props.ts'
import { Heading } from '../parts/index.ts'
import { type ChatSettings, DEFAULT_SETTINGS, useChat } from '../playground/index.ts'
import { STRINGS } from '../strings.ts'
import { RequestCode } from './request-code.tsx'
import { Transcript } from './transcript.tsx'

const TEXT = STRINGS.playground
const POLICIES = ['hedge', 'single', 'race:2', 'quorum:2-of-3'] as const

/** A chat whose pieces show which peer wrote them. */
export function PlaygroundPage({ state }: PageProps): JSX.Element {
  const [settings, setSettings] = useState<ChatSettings>(DEFAULT_SETTINGS)
  const [prompt, setPrompt] = useState('')
  const { turns, isRunning, send, stop, clear } = useChat()
  const end = useRef<HTMLDivElement>(null)
  const model = settings.model === '' ? (state.models[0]?.id ?? 'auto') : settings.model
  const chosen = { ...settings, model }
  const pieces = turns.at(-1)?.pieces.length
  useEffect(() => {
    if (pieces !== undefined) end.current?.scrollIntoView({ block: 'nearest' })
  }, [pieces])
  const submit = (text: string): void => {
    if (text.trim() === '' || isRunning) return
    setPrompt('')
    void send(text, chosen)
  }
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro}>
        {turns.length > 0 && (
          <button type="button" class="plain" onClick={clear}>
            {TEXT.clear}
          </button>
        )}
      </Heading>
      <Settings
        settings={chosen}
        models={state.models.map(({ id }) => id)}
        onChange={setSettings}
      />
      <Transcript turns={turns} onExample={submit} />
      <div ref={end} />
      <form
        class="prompt"
        onSubmit={(event) => {
          event.preventDefault()
          submit(prompt)
        }}
      >
        <label>
          <span class="hidden">{TEXT.prompt}</span>
          <textarea
            rows={2}
            placeholder={TEXT.promptHint}
            value={prompt}
            onInput={(event) => setPrompt(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
              event.preventDefault()
              submit(prompt)
            }}
          />
        </label>
        {isRunning ? (
          <button type="button" onClick={stop}>
            {TEXT.stop}
          </button>
        ) : (
          <button type="submit" class="primary">
            {TEXT.send}
          </button>
        )}
      </form>
      <RequestCode
        settings={chosen}
        prompt={prompt || (turns.at(-1)?.prompt ?? TEXT.empty.example)}
      />
    </>
  )
}

function Settings({
  settings,
  models,
  onChange,
}: {
  readonly settings: ChatSettings
  readonly models: readonly string[]
  readonly onChange: (settings: ChatSettings) => void
}): JSX.Element {
  const set = (more: Partial<ChatSettings>): void => onChange({ ...settings, ...more })
  return (
    <fieldset class="settings">
      <legend class="hidden">{TEXT.title}</legend>
      <label>
        <span>{TEXT.model}</span>
        <input
          list="models"
          value={settings.model}
          title={TEXT.modelHint}
          onChange={(event) => set({ model: event.currentTarget.value })}
        />
        <datalist id="models">
          {[...models, 'auto'].map((id) => (
            <option key={id} value={id} />
          ))}
        </datalist>
      </label>
      <label>
        <span>{TEXT.policy}</span>
        <select
          value={settings.policy}
          onChange={(event) => set({ policy: event.currentTarget.value })}
        >
          {POLICIES.map((policy) => (
            <option key={policy}>{policy}</option>
          ))}
        </select>
      </label>
      <label class="short">
        <span>{TEXT.temperature}</span>
        <input
          type="number"
          min="0"
          max="2"
          step="0.1"
          value={settings.temperature}
          onChange={(event) => set({ temperature: Number(event.currentTarget.value) })}
        />
      </label>
      <label class="short">
        <span>{TEXT.maxTokens}</span>
        <input
          type="number"
          min="1"
          value={settings.maxTokens}
          onChange={(event) => set({ maxTokens: Number(event.currentTarget.value) })}
        />
      </label>
    </fieldset>
  )
}
