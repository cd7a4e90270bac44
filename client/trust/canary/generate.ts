import type { ChatRequest } from '../../../protocol/index.ts'

/** A test request, whose answer is only rated. */
export type Canary = Pick<ChatRequest, 'messages'> & { readonly max_tokens: number }

type Draw = <T>(from: readonly T[]) => T

const PLACES =
  'France,Japan,Peru,Kenya,Norway,Egypt,Canada,India,Chile,Poland,Turkey,Vietnam'.split(',')
const TOPICS =
  'photosynthesis,compound interest,plate tectonics,recursion,the water cycle,supply and demand,how vaccines work,binary search,the French Revolution,black holes,HTTP caching,natural selection'.split(
    ',',
  )
const THINGS =
  'a lighthouse,two brothers,an old map,a lost key,the first snow,a train,a clockmaker'.split(',')
const GOODS = 'apples,coins,books,eggs,tickets,marbles,stamps'.split(',')
const LANGUAGES = 'French,Spanish,German,Italian,Portuguese'.split(',')
const PHRASES =
  'Where is the station?|The meeting was moved to Friday.|I would like a cup of tea.|It has been raining since morning.'.split(
    '|',
  )
const CODE = 'Python,JavaScript,Go,Rust,TypeScript'.split(',')
const TASKS =
  'reverses a string,finds the largest number in a list,removes duplicates,counts the words of a text,checks for balanced brackets'.split(
    ',',
  )
const FORMS = 'a short story,a limerick,a haiku,an opening line,a product description'.split(',')
const MANNERS = ['', '', '', 'Please ', 'Hi! ', 'Quick question: ', 'Could you help me? ']
const ROLES = [
  'You are a helpful assistant.',
  'You are a patient teacher.',
  'Answer briefly.',
  'You write clear and concise text.',
]
const LENGTHS = [32, 48, 64]

const ASKS: readonly ((draw: Draw, number: () => number) => string)[] = [
  (draw) => `What is the capital of ${draw(PLACES)}?`,
  (draw) => `Explain ${draw(TOPICS)} in simple words.`,
  (draw, number) => `Explain ${draw(TOPICS)} in ${2 + (number() % 5)} sentences.`,
  (draw) => `Write ${draw(FORMS)} about ${draw(THINGS)}.`,
  (draw) => `Translate into ${draw(LANGUAGES)}: "${draw(PHRASES)}"`,
  (draw) => `Write a ${draw(CODE)} function that ${draw(TASKS)}.`,
  (draw, number) => {
    const [had, gave] = [10 + number(), 1 + (number() % 9)]
    return `I have ${had} ${draw(GOODS)} and give away ${gave}. How many are left?`
  },
  (_, number) => `What is ${number()} plus ${number()}?`,
  (_, number) => `Count from ${number()} to ${number() + 100}.`,
  (draw) => `Give me three facts about ${draw(PLACES)}.`,
]

/**
 * Generates a request that looks ordinary. A peer that knows this generator can recognize some canaries: canaries find
 * newcomers that lie to everyone; audits of real answers find those that lie only to users.
 *
 * @param random from 0, below 1
 */
export function generateCanary(random: () => number): Canary {
  const draw: Draw = (from) => from[Math.floor(random() * from.length)] as (typeof from)[number]
  const number = (): number => Math.floor(random() * 90)
  const content = `${draw(MANNERS)}${draw(ASKS)(draw, number)}`
  const asked = { role: 'user' as const, content: random() < 0.2 ? content.toLowerCase() : content }
  const system = { role: 'system' as const, content: draw(ROLES) }
  return { messages: random() < 0.3 ? [system, asked] : [asked], max_tokens: draw(LENGTHS) }
}
