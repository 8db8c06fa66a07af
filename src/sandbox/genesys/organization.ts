import { isObject } from '../json.js';
import { Refusal } from '../refusal.js';
import { defaultLimits, type Limits } from './limits.js';

const outcomes = ['COMPLETED', 'ERROR'] as const;
export type GdprOutcome = (typeof outcomes)[number];

/** What can be set on the organisation while it runs. */
export type OrganizationSettings = {
  /** How long an access token lives that is asked for from now on; Genesys grants 300 to 172,800 seconds, here it may be less. */
  readonly tokenSeconds: number;
  /** How long a message's details stay unknown to the Platform API. */
  readonly lookupDelayMs: number;
  /** Between two heartbeats of a notification channel. */
  readonly heartbeatMs: number;
  /** How long a GDPR request takes that is made from now on; Genesys takes days. */
  readonly gdprMs: number;
  /** How it ends. */
  readonly gdprOutcome: GdprOutcome;
  readonly limits: Limits;
};

/** The settings of the moment. `limits` is one object for good, so that whoever was given it sees every change. */
export class Organization {
  private readonly limitsNow: { -readonly [name in keyof Limits]: Limits[name] };
  private now: OrganizationSettings;

  constructor(private readonly initial: OrganizationSettings) {
    this.limitsNow = { ...initial.limits };
    this.now = { ...initial, limits: this.limitsNow };
  }

  get settings(): OrganizationSettings {
    return this.now;
  }

  change({ limits, ...rest }: SettingsChange): OrganizationSettings {
    Object.assign(this.limitsNow, limits);
    this.now = { ...this.now, ...rest };
    return this.now;
  }

  reset(): void {
    this.change(this.initial);
  }
}

/** Only what is to be another. */
export type SettingsChange = Partial<Omit<OrganizationSettings, 'limits'>> & { readonly limits?: Partial<Limits> };

const least = { tokenSeconds: 1, lookupDelayMs: 0, heartbeatMs: 10, gdprMs: 0 } as const;

/** Reads a change strictly. */
export function parseOrganization(body: unknown): SettingsChange {
  if (!isObject(body)) throw invalid('The settings must be an object.');
  for (const [name, value] of Object.entries(body)) {
    if (name === 'limits') checkLimits(value);
    else if (name === 'gdprOutcome') checkOutcome(value);
    else if (Object.hasOwn(least, name)) check(name, value, least[name as keyof typeof least]);
    else
      throw invalid(`There is no setting ${name}; known are: ${Object.keys(least).join(', ')}, gdprOutcome, limits.`);
  }
  return body;
}

function checkOutcome(value: unknown): void {
  if (!outcomes.some((each) => each === value)) throw invalid(`gdprOutcome must be one of ${outcomes.join(', ')}.`);
}

/** Limits that cannot be switched off. */
const always = ['connectionsPerToken', 'minuteMs'];

function checkLimits(limits: unknown): void {
  if (!isObject(limits)) throw invalid('limits must be an object.');
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(defaultLimits, name))
      throw invalid(`There is no limit ${name}; known are: ${Object.keys(defaultLimits).join(', ')}.`);
    if (value !== null || always.includes(name)) check(`limits.${name}`, value, 1);
  }
}

function check(name: string, value: unknown, from: number): void {
  if (!Number.isInteger(value) || Number(value) < from || Number(value) > 1_000_000_000)
    throw invalid(`${name} must be a whole number of at least ${from}.`);
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'settings.invalid', message);
}
