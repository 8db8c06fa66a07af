import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Scope } from '../../http/access.js';
import { Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { IdPath } from '../../http/id-path.js';
import { metricsNotFound } from './metrics.errors.js';
import { MetricsService } from './metrics.service.js';
import type { EngagementMetrics } from './metrics.js';

class EngagementView implements EngagementMetrics {
  @ApiProperty({ format: 'uuid' }) guestId: string;
  @ApiProperty({ enum: ['engagement/1'], description: 'The version of the definitions' }) definition: 'engagement/1';
  @ApiProperty({ example: 10, description: 'From creation to closing, or to the last change while open' })
  durationMinutes: number;
  @ApiProperty({ example: 20, type: 'integer', description: 'Messages of guest, agent and bot' }) messageCount: number;
  @ApiProperty({ example: 30_000, description: 'Duration divided by messages; not a response time' })
  avgResponseTimeMs: number;
  @ApiProperty({ description: 'Whether the guest reached the declared goal' }) conversionFlag: boolean;
  @ApiProperty({ format: 'date-time' }) calculatedAt: string;
}

@ApiTags('metrics')
@Controller('v1/guests/:id/metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  @Get()
  @Scope('metrics:read')
  @Problems({ 404: [metricsNotFound(EXAMPLE_ID)] })
  @ApiOperation({ operationId: 'getEngagementMetrics', summary: 'Measure the engagement of a guest' })
  @ApiResponse({ status: 200, type: EngagementView, description: 'The measures as they are now' })
  measure(@Param() { id }: IdPath): Promise<EngagementView> {
    return this.metrics.measure(id);
  }
}
