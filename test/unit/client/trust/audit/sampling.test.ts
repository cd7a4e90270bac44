import { expect, it } from 'vitest'
import type { AnswerEvent } from '../../../../../client/request/answer-event.ts'
import type { Candidate } from '../../../../../client/request/candidate.ts'
import { AnswerRecorder } from '../../../../../client/trust/audit/answer-recorder.ts'

it('a recorder keeps the sampling options of a request, without sending them to scorers', () => {
  const body = {
    model: 'm',
    messages: [{ role: 'user' as const, content: 'Hello' }],
    ...{ temperature: 0.7, top_p: 0.9, top_k: 20, min_p: 0.1 },
  }
  const recorder = new AnswerRecorder({ kind: 'chat', body }, undefined)
  recorder.record({
    type: 'chunk',
    candidate: { key: 'peer', model: { id: 'm', capabilities: ['chat'] } } as unknown as Candidate,
    tokenIds: [1],
    chunk: { kind: 'chat', choices: [{ index: 0, delta: { content: 'Hi' } }] },
  } as unknown as AnswerEvent)
  expect(recorder.subject).toMatchObject({
    sampling: { temperature: 0.7, top_p: 0.9, top_k: 20, min_p: 0.1 },
    asked: { body: { model: 'm', messages: body.messages } },
  })
  expect(recorder.subject?.asked.body).not.toHaveProperty('top_p')
})
