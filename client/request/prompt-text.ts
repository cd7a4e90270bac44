import { type AnswerRequest, embeddingInputs, type Prompt } from '../../protocol/index.ts'

/** Characters of a prompt for its owner to read. */
const MAX_LENGTH = 4_096

type Message = Extract<AnswerRequest, { kind: 'chat' }>['body']['messages'][number]

/** The end of what a request asks, as text to read: the last messages of a chat come last. */
export function promptText(request: AnswerRequest): string {
  let text = ''
  for (const part of partsFromTheEnd(request)) {
    text = text === '' ? part : `${part}\n\n${text}`
    if (text.length > MAX_LENGTH) return `…${text.slice(-MAX_LENGTH)}`
  }
  return text
}

function* partsFromTheEnd(request: AnswerRequest): Generator<string, void, void> {
  switch (request.kind) {
    case 'chat':
      for (const message of request.body.messages.toReversed()) yield messageText(message)
      break
    case 'completion':
      yield plain(request.body.prompt)
      break
    case 'embedding':
      for (const input of embeddingInputs(request.body.input).toReversed()) yield plain(input)
      break
    default:
      request satisfies never
  }
}

function messageText({ role, content }: Message): string {
  if (content === undefined || content === null) return `${role}:`
  if (typeof content === 'string') return `${role}: ${content}`
  const parts = content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`))
  return `${role}: ${parts.join('\n')}`
}

function plain(prompt: Prompt): string {
  return typeof prompt === 'string' ? prompt : `[${prompt.length} token ids]`
}
