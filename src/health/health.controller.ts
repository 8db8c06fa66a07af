import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Open } from '../http/access.js';
import { HealthService } from './health.service.js';
import type { DependencyReport } from './health.service.js';

export type Mode = 'sandbox' | 'cloud';
export const HEALTH_MODE = Symbol('health mode');

class LiveView {
  @ApiProperty({ enum: ['ok'] }) status: 'ok';
}

class DependencyView implements Omit<DependencyReport, 'name'> {
  @ApiProperty({ enum: ['up', 'down'] }) status: 'up' | 'down';
  @ApiProperty({ description: 'Whether no request can be served without it' }) critical: boolean;
  @ApiProperty({ description: 'In milliseconds' }) responseTime: number;
  @ApiPropertyOptional({ description: 'Why it is down' }) code?: string;
}

const DETAILS = {
  type: 'object',
  additionalProperties: { $ref: getSchemaPath(DependencyView) },
  description: 'By name',
  example: { storage: { status: 'up', critical: true, responseTime: 1 } },
} as const;

class ReadyView {
  @ApiProperty({ enum: ['ok', 'error'] }) status: 'ok' | 'error';
  @ApiProperty(DETAILS) details: Record<string, DependencyView>;
}

class DependenciesView {
  @ApiProperty({ enum: ['ok', 'degraded', 'error'] }) status: 'ok' | 'degraded' | 'error';
  @ApiProperty({ enum: ['sandbox', 'cloud'], description: 'Whether anything is real' }) mode: Mode;
  @ApiProperty(DETAILS) details: Record<string, DependencyView>;
}

/** For whoever keeps us running. Open, so that nothing in an answer tells more than names and states. */
@Open()
@ApiTags('health')
@ApiExtraModels(DependencyView)
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthService,
    @Inject(HEALTH_MODE) private readonly mode: Mode,
  ) {}

  /** The process answers. Asks nobody, so that a fault elsewhere does not get us restarted. */
  @Get('live')
  @ApiOperation({ operationId: 'isLive', summary: 'Ask whether the process answers' })
  @ApiResponse({ status: 200, type: LiveView, description: 'It does' })
  live(): LiveView {
    return { status: 'ok' };
  }

  /** Whether requests should be sent here: 503 while something is down that every request needs. */
  @Get('ready')
  @ApiOperation({ operationId: 'isReady', summary: 'Ask whether requests should be sent here' })
  @ApiResponse({ status: 200, type: ReadyView, description: 'They should' })
  @ApiResponse({
    status: 503,
    type: ReadyView,
    example: {
      status: 'error',
      details: { storage: { status: 'down', critical: true, responseTime: 2, code: 'storage.unavailable' } },
    },
    description: 'Something is down that every request needs',
  })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadyView> {
    const dependencies = await this.health.critical();
    const status = dependencies.some(isDown) ? 'error' : 'ok';
    void reply.status(status === 'ok' ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return { status, details: byName(dependencies) };
  }

  /** How everything we depend on is doing. Always 200: a CRM that is down is news, not a reason to take us out of rotation. */
  @Get('dependencies')
  @ApiOperation({ operationId: 'getDependencies', summary: 'Ask how everything the service depends on is doing' })
  @ApiResponse({ status: 200, type: DependenciesView, description: 'Whatever their state: a CRM that is down is news' })
  async dependencies(): Promise<DependenciesView> {
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
