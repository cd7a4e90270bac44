import type { JSX } from 'preact'
import { LIMITS, type RightsDraft } from '../key-rights.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.keys

interface FieldsProps {
  readonly draft: RightsDraft
  readonly onChange: (draft: RightsDraft) => void
}

/** What a key may do. An empty field does not restrict it. */
export function RightsFields({ draft, onChange }: FieldsProps): JSX.Element {
  const { fields } = TEXT
  const set = (part: Partial<RightsDraft>): void => onChange({ ...draft, ...part })
  const count = (name: (typeof LIMITS)[number] | 'budget' | 'validDays', hint: string) => (
    <CountField
      key={name}
      label={fields[name]}
      hint={hint}
      value={draft[name]}
      onInput={(value) => set({ [name]: value })}
    />
  )
  return (
    <div class="rights">
      <label class="wide">
        <span>{fields.models}</span>
        <input
          value={draft.models}
          placeholder={fields.modelsHint}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => set({ models: event.currentTarget.value })}
        />
      </label>
      {LIMITS.map((name) => count(name, HINTS[name]))}
      {count('budget', TEXT.noLimit)}
      <ChoiceField
        label={fields.per}
        names={TEXT.pers}
        value={draft.per}
        onChoose={(per) => set({ per })}
      />
      {count('validDays', TEXT.never)}
      <ChoiceField
        label={fields.priority}
        names={TEXT.priorities}
        value={draft.priority}
        onChoose={(priority) => set({ priority })}
      />
    </div>
  )
}

/** What holds while a field is empty. */
const HINTS = {
  requestsPerMinute: TEXT.gatewayLimit,
  tokensPerMinute: TEXT.gatewayLimit,
  requestsPerDay: TEXT.noLimit,
  tokensPerDay: TEXT.noLimit,
} as const

function CountField({
  label,
  hint,
  value,
  onInput,
}: {
  readonly label: string
  readonly hint: string
  readonly value: string
  readonly onInput: (value: string) => void
}): JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <input
        type="number"
        inputMode="numeric"
        min="1"
        step="1"
        placeholder={hint}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  )
}

function ChoiceField<T extends string>({
  label,
  names,
  value,
  onChoose,
}: {
  readonly label: string
  readonly names: Readonly<Record<T, string>>
  readonly value: T
  readonly onChoose: (value: T) => void
}): JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value as T)}>
        {(Object.keys(names) as T[]).map((name) => (
          <option key={name} value={name}>
            {names[name]}
          </option>
        ))}
      </select>
    </label>
  )
}
