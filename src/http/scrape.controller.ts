import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Scope } from './access.js';
import { Scrape } from './scrape.js';

const EXAMPLE = `# HELP guest_manager_crm_lag_seconds For how long the oldest record has been due
# TYPE guest_manager_crm_lag_seconds gauge
guest_manager_crm_lag_seconds{crm="rest"} 0
`;

@ApiTags('health')
@Controller('metrics')
@Scope('metrics:scrape')
export class ScrapeController {
  constructor(private readonly scrape: Scrape) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ operationId: 'scrapeMetrics', summary: 'Read what Prometheus collects: requests, CRMs, the process' })
  @ApiResponse({
    status: 200,
    description: "Prometheus's text format",
    content: { 'text/plain': { schema: { type: 'string' }, example: EXAMPLE } },
  })
  text(): Promise<string> {
    return this.scrape.text();
  }
}
