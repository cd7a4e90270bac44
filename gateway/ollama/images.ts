import type { ImagePart } from '../../protocol/index.ts'

/** How the kinds of images begin, in base64. */
const BEGINNINGS: readonly (readonly [beginning: string, type: string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
]

/** Images in base64, which do not say what they are. One that begins like none of them is told as a PNG. */
export function imageParts(images: readonly string[] | null | undefined): ImagePart[] {
  return (images ?? []).map((data) => {
    if (data.startsWith('data:')) return { type: 'image_url', image_url: { url: data } }
    const type = BEGINNINGS.find(([beginning]) => data.startsWith(beginning))?.[1] ?? 'image/png'
    return { type: 'image_url', image_url: { url: `data:${type};base64,${data}` } }
  })
}
