import { IsNotEmpty, IsUrl } from 'class-validator';
import { defineCrm } from 'genesys-guest-manager';
import type { CrmRecord, Verdict } from 'genesys-guest-manager';

/** Read from the `env` given to the module. */
class AcmeSettings {
  @IsUrl({ require_tld: false }, { message: '$property must be a URL' })
  ACME_URL: string;

  @IsNotEmpty({ message: '$property is required' })
  ACME_TOKEN: string;
}

/** Acme takes contacts in lists, and answers with the numbers of those it would not take. */
export const acme = defineCrm({
  id: 'acme',
  settings: AcmeSettings,
  chunkSize: 100,
  connect: ({ ACME_URL, ACME_TOKEN }, http) => {
    const headers = { authorization: `Bearer ${ACME_TOKEN}` };
    return {
      async upsert(records, idempotencyKey) {
        const contacts = records.map(contactOf);
        const answer = await http.post(
          `${ACME_URL}/contacts`,
          { ...headers, 'idempotency-key': idempotencyKey },
          contacts,
        );
        return verdicts(records, answer.body);
      },
      async ping() {
        await http.get(`${ACME_URL}/me`, headers);
      },
    };
  },
});

const contactOf = ({ externalId, emailHash, consentFlags, lastInteraction }: CrmRecord): Record<string, unknown> => ({
  key: externalId,
  hash: emailHash,
  newsletter: consentFlags.marketing,
  seen: lastInteraction,
});

function verdicts(records: readonly CrmRecord[], body: unknown): Verdict[] {
  const refused = (body as { refused?: unknown } | null)?.refused;
  return records.map((_, index) =>
    Array.isArray(refused) && refused.includes(index)
      ? { index, status: 'refused', error: 'acme.refused' }
      : { index, status: 'updated' },
  );
}
