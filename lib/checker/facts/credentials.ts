/**
 * What makes a literal a credential: the name it is given to, as the programs that read it spell it. A value that
 * refers to something else (a variable, a file, a template) is none.
 */

const SECRET_NAME =
  /(^|[._-])(password|passwd|passphrase|secret|token|api[._-]?key|secret[._-]?(access[._-]?)?key|access[._-]?key([._-]?id)?|private[._-]?key)$/i;

/** camelCase and joined spellings that Kafka, Spark and Hadoop use, e.g. ssl.keyPassword. */
const SECRET_SUFFIX = /[a-z](Password|SecretKey|AccessKey|ApiKey|AuthToken|AccessToken)$/;

/** Names that end like a credential's and hold something else: where it is, how long it lives, whether it is used. */
const OTHER_MEANING =
  /(^|[._-])(automount|enable|use|require|allow)[a-z._-]*(token|secret|password)$|(^|[._-])(max|min|num|count)[._-]?tokens?$/i;

export function isCredentialName(name: string): boolean {
  return (SECRET_NAME.test(name) || SECRET_SUFFIX.test(name)) && !OTHER_MEANING.test(name);
}

/** Whether a value is the credential itself, and not a way to get it. */
export function isLiteral(value: string): boolean {
  const text = value.trim();
  if (text === '' || /^(true|false|null|none|\d)$/i.test(text)) return false;
  if (/\$\(|\$\{|\$[A-Za-z_]|\{\{|<%|^%\(|^["']?`/.test(text)) return false;
  if (/^(spark|fs|hadoop|kafka)(\.[\w-]+)+$/.test(text)) return false;
  if (/^(\/|\.\.?\/|file:|env:|arn:|vault:|secret:|ref\+|@)/.test(text)) return false;
  // A word that tells its reader what to put in its place.
  if (/^(your|my[-_]own|insert|replace|enter)[-_ ]/i.test(text)) return false;
  return !/^<[^>]*>$|^\*+$|^x{3,}$/i.test(text);
}

/** Credentials that are known by their own form, wherever they stand. */
const FORMS: readonly {
  readonly form: RegExp;
  readonly what: string;
  readonly level: 'error' | 'warning';
}[] = [
  { form: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/, what: 'a private key', level: 'error' },
  { form: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, what: 'an AWS access key', level: 'error' },
  { form: /\bgh[pousr]_[A-Za-z0-9]{36,}\b/, what: 'a GitHub token', level: 'error' },
  { form: /\bxox[abprs]-[A-Za-z0-9-]{10,}/, what: 'a Slack token', level: 'error' },
  {
    form: /LoginModule\s+required\b[^;]*\bpassword=\\?["'](?![${<%*])[^"'\s\\]+/,
    what: 'a JAAS configuration with its password',
    level: 'error',
  },
  {
    form: /https:\/\/hooks\.slack\.com\/services\/[A-Z0-9]+\/[A-Z0-9]+\/[A-Za-z0-9]{8,}/,
    what: 'a webhook URL with its token',
    level: 'warning',
  },
  {
    form: /https:\/\/(?:canary\.|ptb\.)?discord(?:app)?\.com\/api\/webhooks\/\d+\/[\w-]{8,}/,
    what: 'a webhook URL with its token',
    level: 'warning',
  },
  {
    form: /https:\/\/[\w.-]+\.webhook\.office\.com\/webhookb2\/[\w@/-]{16,}/,
    what: 'a webhook URL with its token',
    level: 'warning',
  },
  {
    form: /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@'"]{1,100}:(?!\$|\{|<|%|`)[^\s:/@'"]{3,200}@[\w[]/i,
    what: 'a URL with a password',
    level: 'error',
  },
];

export interface CredentialForm {
  readonly what: string;
  readonly level: 'error' | 'warning';
  /** Line of the text, from 0. */
  readonly innerLine: number;
}

/** The first credential of a known form on each line of a text. */
export function credentialForms(text: string): CredentialForm[] {
  const clients = clientSecrets(text);
  if (clients.length === 0 && !FORMS.some(({ form }) => form.test(text))) return [];
  return text.split('\n').flatMap((line, innerLine): CredentialForm[] => {
    const found = FORMS.find(({ form }) => form.test(line));
    if (found !== undefined) return [{ what: found.what, level: found.level, innerLine }];
    const isClients = clients.some(secret => secret.innerLine === innerLine);
    return isClients ? [{ what: CLIENT_SECRET, level: 'error', innerLine }] : [];
  });
}

/** A word of a shell command as it is written: what is in quotes, in $(…) or in backticks belongs to it. */
const SHELL_WORD =
  /(?:\\[\s\S]|"(?:\\[\s\S]|\$\((?:[^()]|\([^()]*\))*\)|[^"\\])*"|'[^']*'|`[^`]*`|[$<]\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\$\{[^}]*\}|\{\{[^}]*\}\}|[^\s"'`;|&\\])+/g;

/** What brings the client of MinIO its credentials: `mc alias set ALIAS URL ACCESS SECRET`, and as it was before 2020. */
const MC_ALIAS = /\b(?:mc|mcli)\s(?:[^\n;|&]|\\\r?\n)*?(?:alias\s+(?:set|s)|config\s+host\s+add)\s+/g;

export const CLIENT_SECRET = 'the secret key of a MinIO client';

/** The secret keys that commands give to a MinIO client as they are, each with its line. */
export function clientSecrets(text: string): { readonly secret: string; readonly innerLine: number }[] {
  if (!/\bmc(li)?\s/.test(text)) return [];
  return [...text.matchAll(MC_ALIAS)].flatMap(match => {
    const start = match.index + match[0].length;
    // A command ends with its line, but for one that ends in a backslash.
    const end = /(?<!\\)\r?\n|[;|&](?![^"'`]*["'`]\s*$)/.exec(
      text.slice(start).replace(/[$<]\([^\n]*?\)|`[^`\n]*`/g, hidden),
    );
    const rest = text.slice(start, end === null ? undefined : start + end.index);
    const words = [...rest.replace(/\\\r?\n/g, '  ').matchAll(SHELL_WORD)].filter(
      ([word]) => !word.startsWith('-'),
    );
    const [, , , secret] = words;
    if (secret === undefined || !/^["']?https?:|^["']?\$/.test(words[1]?.[0] ?? '')) return [];
    const plain = secret[0].replace(/^(["'])([\s\S]*)\1$/, '$2');
    const innerLine = text.slice(0, match.index).split('\n').length - 1;
    return plain.length >= 3 && isLiteral(plain) ? [{ secret: plain, innerLine }] : [];
  });
}

/** As long as it was, without what ends a command. */
function hidden(word: string): string {
  return '_'.repeat(word.length);
}

/** `key = value`, `key: value` and `<key>value</key>` lines of configuration text that give a credential. */
export function credentialSettings(text: string): { readonly name: string; readonly innerLine: number }[] {
  return text.split('\n').flatMap((line, innerLine) => {
    if (/^\s*(#|\/\/|;|--|<!--)/.test(line)) return [];
    const match =
      /^\s*(?:export\s+)?["']?([\w.-]+)["']?\s*[=:]\s*(?:"([^"]*)"|'([^']*)'|([^\s"'][^\s,]*))\s*,?\s*(?:\s#.*)?$/.exec(
        line,
      ) ??
      /^\s*<([\w.-]+)>([^<]*)<\/\1>/.exec(line) ??
      /^\s*(spark\.[\w.-]+)\s+(\S+)\s*$/.exec(line);
    if (match === null) return [];
    const [, name = '', ...values] = match;
    const value = values.find(item => item !== undefined) ?? '';
    return isCredentialName(name) && isLiteral(value) ? [{ name, innerLine }] : [];
  });
}
