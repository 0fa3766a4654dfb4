-- AlterTable
ALTER TABLE "service" ADD COLUMN     "rolled_back_from" INTEGER;
