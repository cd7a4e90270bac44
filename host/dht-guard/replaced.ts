/** The same object with one property replaced; its own methods still see the original. */
export function replaced<T extends object, K extends keyof T>(object: T, name: K, by: T[K]): T {
  return new Proxy(object, {
    get(target, key) {
      if (key === name) return by
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
