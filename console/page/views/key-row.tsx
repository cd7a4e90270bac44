import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { KeyView } from '../../state.ts'
import { act } from '../connection.ts'
import { changeOf, draftOf, isExpired, rightsText } from '../key-rights.ts'
import { ActionButton, Notice } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { type Run, useAction } from '../use-action.ts'
import { RightsFields } from './key-form.tsx'

const TEXT = STRINGS.keys

/** One key with its rights. It is changed in a form of its own, and removed after a second press. */
export function KeyRow({ shown }: { readonly shown: KeyView }): JSX.Element {
  const [open, setOpen] = useState<'change' | 'remove' | undefined>()
  const action = useAction()
  const { name, priority = 'normal' } = shown
  const close = (): void => setOpen(undefined)
  return (
    <li>
      <div class="key-row">
        <div>
          <div class="key-head">
            <strong>{name}</strong>
            {shown.opensConsole && <span class="badge good">{TEXT.opensConsole}</span>}
            {priority !== 'normal' && <span class="badge">{TEXT.priority(priority)}</span>}
            {isExpired(shown, Date.now()) && <span class="badge bad">{TEXT.expired}</span>}
          </div>
          <p class="quiet">{rightsText(shown)}</p>
        </div>
        {open === undefined && <Verbs name={name} onOpen={setOpen} />}
      </div>
      {open === 'change' && <ChangeForm shown={shown} action={action} onClose={close} />}
      {open === 'remove' && (
        <fieldset class="sure">
          <legend>{TEXT.sure(name)}</legend>
          <div class="actions">
            <ActionButton
              class="primary"
              takesFocus
              isBusy={action.isBusy('remove')}
              onPress={async () => {
                if (!(await action.run('remove', () => act({ action: 'remove-key', name }))))
                  close()
              }}
            >
              {TEXT.removeNow}
            </ActionButton>
            <button type="button" onClick={close}>
              {TEXT.keep}
            </button>
          </div>
        </fieldset>
      )}
      <Notice error={action.error} />
    </li>
  )
}

function Verbs({
  name,
  onOpen,
}: {
  readonly name: string
  readonly onOpen: (what: 'change' | 'remove') => void
}): JSX.Element {
  return (
    <div class="actions">
      <button
        type="button"
        class="plain"
        aria-label={TEXT.changeKey(name)}
        onClick={() => onOpen('change')}
      >
        {TEXT.change}
      </button>
      <button
        type="button"
        class="plain"
        aria-label={TEXT.removeKey(name)}
        onClick={() => onOpen('remove')}
      >
        {TEXT.remove}
      </button>
    </div>
  )
}

function ChangeForm({
  shown,
  action,
  onClose,
}: {
  readonly shown: KeyView
  readonly action: Run
  readonly onClose: () => void
}): JSX.Element {
  const { name } = shown
  const [draft, setDraft] = useState(() => draftOf(shown, Date.now()))
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const rights = changeOf(draft, shown, Date.now())
    if (await action.run('change', () => act({ action: 'change-key', name, rights }))) onClose()
  }
  return (
    <form
      class="change-key"
      aria-label={TEXT.changeKey(name)}
      onSubmit={(event) => void submit(event)}
    >
      <RightsFields draft={draft} onChange={setDraft} />
      <div class="actions">
        <button type="submit" class="primary">
          {TEXT.save}
        </button>
        <button type="button" onClick={onClose}>
          {TEXT.cancel}
        </button>
      </div>
    </form>
  )
}
