import { checkNames } from '../../../lib/checker/python/names';
import { parsePython } from '../../../lib/checker/python/parse';

/** The names that a text reads and nothing defines. */
function open(source: string): string[] {
  const module = parsePython(source);
  expect(module.failure).toBeUndefined();
  return checkNames(module).undefined.map(({ name, offset }) => `${module.lineOf(offset) + 1}:${name}`);
}

describe('Python 3.12 is read whole: each name that nothing defines is found on its line', () => {
  it.each([
    ['a star among the targets of for', 'for name, *_ in rows: pass\n', ['1:rows']],
    ['a star among the targets of an assignment', 'first, *(a, b), last = rows\n', ['1:rows']],
    ['a star in an index', 'x = {}\nx[*keys] = 1\n', ['2:keys']],
    ['a star in return and yield', 'def f(a):\n    yield *a, b\n    return *a, c\n', ['2:b', '3:c']],
    ['quotes of its own kind in an f-string', 'x = f"{rows["a"]} {"b"}"\n', ['1:rows']],
    ['an f-string in an f-string', 'x = f"{f"{f"{deep}"}"}"\n', ['1:deep']],
    ['a comment and a line break in an f-string', 'x = f"""{\n  rows  # why\n}"""\n', ['2:rows']],
    ['a format in a format', 'x = f"{1:{width}.{digits}}"\n', ['1:width', '1:digits']],
    ['type parameters', 'def f[T: Bound, *Ts, **P](a: T) -> T: return a\n', ['1:Bound']],
    ['a generic class', 'class A[T](Base[T]): pass\n', ['1:Base']],
    ['a type alias', 'type Pair[T] = tuple[T, Other]\n', ['1:Other']],
    ['except*', 'try:\n    pass\nexcept* (ValueError, Own) as e:\n    print(e)\n', ['3:Own']],
    ['the walrus', 'if (n := size()) > 1: print(n)\n', ['1:size']],
    [
      'a decorator of any expression',
      '@(handlers[0] or other).on\ndef f(): pass\n',
      ['1:handlers', '1:other'],
    ],
    ['managers in parentheses', 'with (open("a") as a, lock,): print(a)\n', ['1:lock']],
    ['parameters by position alone', 'def f(a, /, b, *, c): return a, b, c, d\n', ['1:d']],
    ['an asynchronous comprehension', 'async def f(): return [x async for x in feed if x]\n', ['1:feed']],
    [
      'match',
      'def f(v):\n    match v:\n        case [a, *b] | {"k": a, **b} if a: return a, b\n        case Own(x=c): return c\n        case other.value: pass\n',
      ['4:Own', '5:other'],
    ],
    [
      'soft keywords as names',
      'match = 1\ncase = match\ntype = case\n_ = type\nprint(match, case, type, lost)\n',
      ['5:lost'],
    ],
    ['a byte order mark and carriage returns', '\uFEFFx = 1\r\nprint(x, lost)\r\n', ['2:lost']],
    ['a form feed between functions', 'def f(): pass\n\f\ndef g(): return lost\n', ['3:lost']],
    ['letters beyond ASCII', 'größe = "🎈"; print(größe, verloren)\n', ['1:verloren']],
  ])('%s', (_, source, names) => {
    expect(open(source)).toEqual(names);
  });
});

describe('what Python refuses is refused, with its line', () => {
  it.each([
    ['a statement of Python 2', 'x = 1\nprint x\n', 2, 'print(1)\n'],
    ['another statement of Python 2', 'exec "x = 1"\n', 1, 'exec("x = 1")\n'],
    [
      'an exception of Python 2',
      'try:\n    pass\nexcept ValueError, e:\n    pass\n',
      3,
      'try:\n    pass\nexcept ValueError as e:\n    pass\n',
    ],
    ['an octal number of Python 2', 'x = 0755\n', 1, 'x = 0o755\n'],
    ['a broken escape', 'x = "\\u12"\n', 1, 'x = r"\\u12"\n'],
    ['a broken escape behind a whole one', 'x = "\\\\" "\\xg"\n', 1, 'x = "\\\\xg"\n'],
    ['tabs among blanks', 'if 1:\n\tx = 1\n        y = 2\n', 3, 'if 1:\n\tx = 1\n\ty = 2\n'],
    ['a bracket that stays open', 'x = (1,\ny = 2\n', 2, 'x = (1,)\ny = 2\n'],
    ['a text that stays open', 'x = "a\ny = 2\n', 1, 'x = "a"\ny = 2\n'],
    ['a value that cannot be assigned to', 'f() = 1\n', 1, 'f().a = 1\n'],
  ])('%s', (_, refused, line, taken) => {
    expect(parsePython(refused).failure).toMatchObject({ isRefusedByPython: true, line: line - 1 });
    expect(parsePython(taken).failure).toBeUndefined();
  });
});

describe('what Python parses and does not compile is refused, with its line', () => {
  it.each([
    ['return outside of a function', 'x = 1\nreturn x\n', 2, 'def f():\n    return 1\n'],
    ['return in a class', 'class A:\n    return 1\n', 2, 'class A:\n    def f(self): return 1\n'],
    ['break outside of a loop', 'if 1:\n    break\n', 2, 'while 1:\n    if 1: break\n'],
    [
      'break in the function of a loop',
      'for x in "a":\n    def f():\n        break\n',
      3,
      'def f():\n    for x in "a": break\n',
    ],
    [
      'continue behind a loop',
      'while 1: pass\nelse:\n    continue\n',
      3,
      'while 1:\n    while 1: pass\n    else: continue\n',
    ],
    ['yield outside of a function', 'yield 1\n', 1, 'f = lambda: (yield 1)\n'],
    ['await outside of a function', 'x = 1\nawait x\n', 2, 'async def f(x): await x\n'],
    [
      'await in a plain function',
      'def f(x):\n    await x\n',
      2,
      'def f(x): return (await one async for one in x)\n',
    ],
    [
      'async with in a plain function',
      'def f(x):\n    async with x: pass\n',
      2,
      'async def f(x):\n    async with x: pass\n',
    ],
    [
      'a value that an asynchronous generator returns',
      'async def f():\n    yield 1\n    return 2\n',
      3,
      'async def f():\n    yield 1\n    return\n',
    ],
    ['nonlocal in a module', 'nonlocal x\n', 1, 'def f():\n    x = 1\n    def g():\n        nonlocal x\n'],
    [
      'nonlocal of a global',
      'x = 1\ndef f():\n    nonlocal x\n',
      3,
      'def f():\n    def g():\n        nonlocal x\n    x = 1\n',
    ],
    ['one argument twice', 'def f(a, *, a): pass\n', 1, 'def f(a, *, b): pass\n'],
    ['one argument twice in a lambda', 'f = lambda a, *a: a\n', 1, 'f = lambda a: lambda a: a\n'],
    ['one keyword twice', 'dict(a=1, a=2)\n', 1, 'dict(a=dict(a=2))\n'],
    [
      'global behind an assignment',
      'def f():\n    x = 1\n    global x\n',
      3,
      'def f():\n    global x\n    x = 1\n',
    ],
    [
      'global behind a use',
      'def f():\n    print(x)\n    global x\n',
      3,
      'def f():\n    print([x for x in "a"])\n    global x\n',
    ],
    ['global of an argument', 'def f(x):\n    global x\n', 2, 'def f(y):\n    global x\n'],
    [
      'a late import from the future',
      'x = 1\nfrom __future__ import annotations\n',
      2,
      '"""Why."""\n# why\nfrom __future__ import division\nfrom __future__ import annotations\n',
    ],
    ['a feature without a future', 'from __future__ import braces\n', 1, 'from __future__ import division\n'],
    ['a star that is a statement', '*print\n', 1, '*print,\n'],
    ['a star that is a value', 'x = *print\n', 1, 'x = *print,\n'],
    ['two stars among targets', '*a, *b = "ab"\n', 1, '*a, (*b, c) = "ab"\n'],
    ['import * in a function', 'def f():\n    from os import *\n', 2, 'if 1:\n    from os import *\n'],
    [
      'a handler of all before another',
      'try: pass\nexcept: pass\nexcept ValueError: pass\n',
      2,
      'try: pass\nexcept ValueError: pass\nexcept: pass\n',
    ],
  ])('%s', (_, refused, line, taken) => {
    expect(parsePython(refused).failure).toMatchObject({ isRefusedByPython: true, line: line - 1 });
    expect(parsePython(taken).failure).toBeUndefined();
  });
});

describe('what only a newer Python takes says from which on', () => {
  it.each([
    ['a default of a type parameter', 'def f[T = int](x: T): pass\n', '3.13', 'def f[T: int](x: T): pass\n'],
    ['a template string', "x = t'a{1}'\n", '3.14', "x = f'a{1}'\n"],
    [
      'exceptions without parentheses',
      'try: pass\nexcept ValueError, TypeError: pass\n',
      '3.14',
      'try: pass\nexcept (ValueError, TypeError): pass\n',
    ],
    ['what none takes', 'print "x"\n', undefined, 'print("x")\n'],
  ])('%s', (_, refused, version, taken) => {
    const { failure } = parsePython(refused);
    expect(failure?.isRefusedByPython).toBe(true);
    expect(failure?.validFrom).toBe(version);
    expect(parsePython(taken).failure).toBeUndefined();
  });
});

describe('what the library does not know is read in another spelling, on the same lines', () => {
  it.each([
    [
      'a pattern with a star',
      'match rows:\n    case first, *rest if rest: print(first, rest, lost)\n    case *_, "a,b:", {"k": last}: print(last)\n',
      ['1:rows', '2:lost'],
    ],
    [
      'a pattern that ends in a comma',
      'match 1,:\n    case Own(x=1),:\n        print(lost)\n',
      ['2:Own', '3:lost'],
    ],
    ['a comma behind the last target of del', 'x = 1\ndel x,  # why\nprint(lost)\n', ['3:lost']],
    [
      'asynchronous comprehensions of sets and dicts',
      'async def f(feed):\n    return {a async for a in feed}, {a: lost async for a in feed}\n',
      ['2:lost'],
    ],
  ])('%s', (_, source, names) => {
    expect(open(source)).toEqual(names);
  });
});

it('tells a gap of the grammar from an error of the text', () => {
  expect(parsePython('x = 1\n𝔘 = 1\n').failure).toEqual({
    isRefusedByPython: false,
    line: 1,
    message: expect.any(String),
  });
});

it.each([
  ['parentheses', `x = ${'('.repeat(5000)}${')'.repeat(5000)}\n`],
  ['a chain of calls', `x = a${'.b()'.repeat(5000)}\n`],
])('leaves a text unread that is nested too deeply: %s', (_, source) => {
  expect(parsePython(source).failure?.message).toBe('it is nested too deeply');
});
