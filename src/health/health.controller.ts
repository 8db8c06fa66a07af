import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Open } from '../http/access.js';
import { HealthService } from './health.service.js';
import type { DependencyReport } from './health.service.js';

export type Mode = 'sandbox' | 'cloud';
export const HEALTH_MODE = Symbol('health mode');

/** For whoever keeps us running. Open, so that nothing in an answer tells more than names and states. */
@Open()
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthService,
    @Inject(HEALTH_MODE) private readonly mode: Mode,
  ) {}

  /** The process answers. Asks nobody, so that a fault elsewhere does not get us restarted. */
  @Get('live')
  live() {
    return { status: 'ok' };
  }

  /** Whether requests should be sent here: 503 while something is down that every request needs. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const dependencies = await this.health.critical();
    const status = dependencies.some(isDown) ? 'error' : 'ok';
    void reply.status(status === 'ok' ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return { status, details: byName(dependencies) };
  }

  /** How everything we depend on is doing. Always 200: a CRM that is down is news, not a reason to take us out of rotation. */
  @Get('dependencies')
  async dependencies() {
    const dependencies = await this.health.all();
    return { status: overall(dependencies), mode: this.mode, details: byName(dependencies) };
  }
}

const isDown = ({ status }: DependencyReport): boolean => status === 'down';

function overall(dependencies: readonly DependencyReport[]): 'ok' | 'degraded' | 'error' {
  if (dependencies.some((dependency) => dependency.critical && isDown(dependency))) return 'error';
  return dependencies.some(isDown) ? 'degraded' : 'ok';
}

const byName = (dependencies: readonly DependencyReport[]) =>
  Object.fromEntries(dependencies.map(({ name, ...report }) => [name, report]));
