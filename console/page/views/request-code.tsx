import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Copy } from '../parts/index.ts'
import type { ChatSettings } from '../playground/index.ts'
import { codeFor, LANGUAGES, type Language } from '../playground/index.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.playground

/** The request as a command, and as programs with OpenAI's SDKs. */
export function RequestCode({
  settings,
  prompt,
}: {
  readonly settings: ChatSettings
  readonly prompt: string
}): JSX.Element {
  const [language, setLanguage] = useState<Language>('curl')
  const code = codeFor(language, { ...settings, prompt, origin: location.origin })
  return (
    <details class="request-code">
      <summary>{TEXT.code}</summary>
      <div class="tabs">
        {LANGUAGES.map((name) => (
          <button
            key={name}
            type="button"
            class="plain"
            aria-pressed={name === language}
            onClick={() => setLanguage(name)}
          >
            {TEXT.languages[name]}
          </button>
        ))}
        <Copy text={code} />
      </div>
      <pre>{code}</pre>
    </details>
  )
}
