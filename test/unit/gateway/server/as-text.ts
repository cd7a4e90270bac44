import type { TextForm } from '../../../../gateway/http/index.ts'

/** Texts as they are. A failure breaks the stream off. */
export const AS_TEXT: TextForm<string> = {
  take: (text) => text,
  end: () => '',
  fail(error) {
    throw error
  },
}
