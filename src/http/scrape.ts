import { Injectable, Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Measures } from './measures.js';
import type { Measure } from './measures.js';
import { routeOf } from './routes.js';

/** In seconds, as OpenTelemetry's HTTP semantic conventions advise. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What this process tells Prometheus of itself: its requests, its memory and time, and what `Measures` knows. */
@Injectable()
export class Scrape {
  private readonly logger = new Logger('http');
  private readonly registry = new Registry();
  private readonly durations = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'] as const,
    buckets: BUCKETS,
    registers: [this.registry],
  });

  constructor(private readonly measures: Measures) {
    tellOfProcess(this.registry);
  }

  /** Takes the time of every request. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onResponse', (request, reply, done) => {
      this.durations.observe(
        {
          http_request_method: request.method,
          http_route: routeOf(request) ?? '',
          http_response_status_code: reply.statusCode,
        },
        reply.elapsedTime / 1_000,
      );
      done();
    });
  }

  /** In Prometheus's text format. What cannot be read now is left out: a fault elsewhere is no reason to be silent. */
  async text(): Promise<string> {
    const passing = new Registry();
    try {
      for (const measure of await this.measures.read()) gauge(measure, passing);
    } catch (error) {
      this.logger.warn('measures could not be read', { error });
    }
    return Registry.merge([this.registry, passing]).metrics();
  }
}

function gauge({ name, help, values }: Measure, registry: Registry): void {
  const labelNames = [...new Set(values.flatMap(({ labels }) => Object.keys(labels)))];
  const made = new Gauge({ name, help, labelNames, registers: [registry] });
  for (const { labels, value } of values) made.set(labels, value);
}

/**
 * What is looked up when somebody asks. prom-client's own set watches every garbage collection and the event loop all the time as well, which costs
 * a twentieth of what a create does.
 */
function tellOfProcess(registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Time the process has spent computing',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process began, in seconds since 1970',
    registers,
  }).set(performance.timeOrigin / 1_000);
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory the process holds',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'nodejs_heap_size_used_bytes',
    help: 'Of it what JavaScript uses',
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed);
    },
  });
  let before = performance.eventLoopUtilization();
  new Gauge({
    name: 'nodejs_eventloop_utilization',
    help: 'Share of the time since the last scrape in which the event loop was busy; near 1 everything waits',
    registers,
    collect() {
      const now = performance.eventLoopUtilization();
      this.set(performance.eventLoopUtilization(now, before).utilization);
      before = now;
    },
  });
}
